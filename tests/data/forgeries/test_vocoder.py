import librosa
import numpy as np
import pytest
import torch

from tests.small_hifigan import make_vocoder
from unmask.data.forgeries.vocoder import (
    CHUNK_FRAMES,
    HOP_SAMPLES,
    PERIOD_SAMPLES,
    VOCODER_PERIOD,
    VOCODER_RATE_HZ,
    generate,
    load_vocoder,
    mel_bands,
    require_vocoders,
    resample,
    vocode,
)
from unmask.errors import WeightsError
from unmask.records import RATE_HZ


@pytest.mark.parametrize("frames", [20, CHUNK_FRAMES, 2 * CHUNK_FRAMES + 5])
def test_sound_made_in_chunks_is_that_made_at_once(frames, rng):
    vocoder = make_vocoder()
    bands = rng.normal(size=(frames, 80)).astype(np.float32)
    with torch.inference_mode():
        expected = vocoder(torch.from_numpy(bands)).numpy()
    assert np.ptp(expected) > 0.01
    assert generate(vocoder, bands) == pytest.approx(expected, abs=1e-5)


def test_mel_bands_are_those_of_an_independent_transform(rng):
    """Each frame is a windowed product with a Fourier matrix, written out."""
    samples = rng.normal(0, 0.1, 5000).astype(np.float32)
    bands = mel_bands(samples)
    assert bands.shape == (20, 80)
    filters = librosa.filters.mel(sr=22050, n_fft=1024, n_mels=80, fmin=0, fmax=8000)
    n = np.arange(1024)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * n / 1024)
    fourier = np.exp(-2j * np.pi * np.outer(np.arange(513), n) / 1024)
    for frame in (2, 7, 15):
        centre = frame * 256 + 128
        spectrum = fourier @ (window * samples[centre - 512 : centre + 512])
        expected = np.log(filters @ np.abs(spectrum))
        assert bands[frame] == pytest.approx(expected, abs=1e-3)


def test_a_frame_lies_in_the_middle_of_the_samples_that_are_made_from_it():
    for frame in (3, 9):
        click = np.zeros(VOCODER_RATE_HZ // 4, np.float32)
        click[frame * HOP_SAMPLES + HOP_SAMPLES // 2] = 1.0
        assert mel_bands(click).mean(axis=1).argmax() == frame


def test_resampling_to_the_vocoders_rate_and_back_keeps_every_frequency(rng):
    """Otherwise a missing band, and not the vocoder, would tell a copy from genuine sound."""
    samples = rng.normal(0, 0.1, 50 * PERIOD_SAMPLES).astype(np.float32)
    faster = resample(samples, 50 * VOCODER_PERIOD)
    assert len(faster) / len(samples) == VOCODER_RATE_HZ / RATE_HZ
    assert resample(faster, len(samples)) == pytest.approx(samples, abs=1e-3)
    time_s = np.arange(RATE_HZ) / RATE_HZ
    tone = np.sin(2 * np.pi * 1000 * time_s).astype(np.float32)
    expected = np.sin(2 * np.pi * 1000 * np.arange(VOCODER_RATE_HZ) / VOCODER_RATE_HZ)
    assert resample(tone, VOCODER_RATE_HZ) == pytest.approx(expected, abs=1e-4)


def test_a_copy_is_as_long_and_as_loud_and_leaves_no_trace_in_the_process(vocoder_name, pair):
    samples = pair[0].samples[: RATE_HZ - 7]
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    copy = vocode(samples, vocoder_name)
    assert (copy.shape, copy.dtype) == (samples.shape, np.float32)
    assert np.square(copy).mean() == pytest.approx(np.square(samples).mean(), rel=0.05)
    assert np.abs(copy - samples).max() > 0.01
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads
    assert np.array_equal(vocode(samples, vocoder_name), copy)


def test_a_vocoder_that_was_not_fetched_is_named_with_the_command(vocoder_name):
    require_vocoders([vocoder_name])
    with pytest.raises(WeightsError, match="unmask weights get hifigan-ljspeech"):
        load_vocoder("hifigan-ljspeech")
    with pytest.raises(WeightsError, match="unmask weights get hifigan-ljspeech"):
        require_vocoders([vocoder_name, "hifigan-ljspeech"])
