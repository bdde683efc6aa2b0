"""Voice activity detection."""

import numpy as np
import pytest

from unmask.config import SpeechSettings
from unmask.preprocessing.speech.vad import (
    chunk_levels_db,
    detect_speech,
    energy_probabilities,
    probabilities_to_spans,
    speech_mask,
)
from unmask.records import Waveform

ENERGY = SpeechSettings(method="energy")


def reference_spans(probabilities, samples, threshold):
    """Spans before padding, by a direct transcription of Silero's rule."""
    spans, start, silence = [], None, None
    for index, probability in enumerate(probabilities):
        now = index * 512
        if probability >= threshold:
            start = now if start is None else start
            silence = None
        if start is not None and probability < max(threshold - 0.15, 0.01):
            silence = now if silence is None else silence
            if now - silence >= 1600:
                spans.append((start, silence))
                start = silence = None
    if start is not None:
        spans.append((start, samples))
    return [(a, b) for a, b in spans if b - a > 4000]


@pytest.mark.parametrize("samples", [1, 512, 16_000])
def test_levels_agree_with_librosa(rng, samples):
    import librosa

    sound = (0.1 * rng.standard_normal(samples)).astype(np.float32)
    sound[512:1024] = 0
    padded = np.pad(sound, (0, -samples % 512))
    rms = librosa.feature.rms(y=padded, frame_length=512, hop_length=512, center=False)[0]
    expected = librosa.amplitude_to_db(rms, ref=1.0, amin=1e-5, top_db=None)
    np.testing.assert_allclose(chunk_levels_db(sound), expected, atol=1e-4)


def test_spans_are_those_of_the_reference_padded_by_at_most_30_ms():
    rng = np.random.default_rng(6)
    for _ in range(30):
        walk = np.cumsum(rng.normal(0, 0.15, 200))
        probabilities = (1 / (1 + np.exp(-(walk - walk.mean())))).astype(np.float32)
        samples = 200 * 512 - int(rng.integers(0, 500))
        expected = reference_spans(probabilities, samples, 0.5)
        spans = probabilities_to_spans(probabilities, samples, 0.5)
        assert len(spans) == len(expected)
        for (start, end), (expected_start, expected_end) in zip(spans, expected, strict=True):
            assert 0 <= expected_start - start <= 480
            assert 0 <= end - expected_end <= 480
        assert np.all(spans[1:, 0] >= spans[:-1, 1])  # without overlap


def test_last_span_ends_with_the_audio():
    assert probabilities_to_spans(np.ones(20, np.float32), 19 * 512 + 7, 0.5).tolist() == [
        [0, 19 * 512 + 7]
    ]


def test_click_is_not_speech():
    probabilities = np.zeros(100, np.float32)
    probabilities[50:53] = 1.0
    assert probabilities_to_spans(probabilities, 100 * 512, 0.5).shape == (0, 2)


def make_bursts(amplitude, noise=0.001, seconds=4.0):
    rng = np.random.default_rng(1)
    time = np.arange(round(seconds * 16_000)) / 16_000
    tone = amplitude * np.sin(2 * np.pi * 220 * time) * ((time % 2 > 0.5) & (time % 2 < 1.5))
    return Waveform((tone + noise * rng.normal(size=len(time))).astype(np.float32))


@pytest.mark.parametrize("amplitude", [0.05, 0.5])
def test_energy_method_does_not_depend_on_the_level(amplitude):
    spans = detect_speech(make_bursts(amplitude), ENERGY)
    assert spans == pytest.approx(np.array([[0.5, 1.5], [2.5, 3.5]]), abs=0.08)


def test_energy_method_detects_no_speech_in_steady_noise():
    noise = 0.1 * np.random.default_rng(2).normal(size=64_000).astype(np.float32)
    assert detect_speech(Waveform(noise), ENERGY).shape == (0, 2)


@pytest.mark.parametrize("noise", [0.0, 1e-6, 1e-3])
def test_energy_method_does_not_depend_on_the_noise_floor(noise):
    spans = detect_speech(make_bursts(0.3, noise), ENERGY)
    assert spans == pytest.approx(np.array([[0.5, 1.5], [2.5, 3.5]]), abs=0.08)


def test_silence_has_no_speech():
    for method in ("silero", "energy"):
        waveform = Waveform(np.zeros(32_000, np.float32))
        assert detect_speech(waveform, SpeechSettings(method=method)).shape == (0, 2)


def test_lower_threshold_detects_at_least_as_much_speech():
    durations_s = [
        np.diff(
            detect_speech(make_bursts(0.3, 0.02), SpeechSettings(method="energy", threshold=t)),
            axis=1,
        ).sum()
        for t in (0.2, 0.5, 0.8)
    ]
    assert durations_s[0] >= durations_s[1] >= durations_s[2] > 0


def test_energy_of_empty_audio_is_empty():
    assert energy_probabilities(np.zeros(0, np.float32)).shape == (0,)


def test_mask_is_true_inside_the_spans_alone():
    mask = speech_mask(np.array([[0.5, 1.25], [3.0, 99.0]]), 4 * 16_000)
    time_s = np.arange(4 * 16_000) / 16_000
    assert np.array_equal(mask, ((time_s >= 0.5) & (time_s < 1.25)) | (time_s >= 3.0))


def test_mask_without_spans_is_false():
    assert not speech_mask(np.zeros((0, 2)), 100).any()
    assert speech_mask(np.zeros((0, 2)), 0).shape == (0,)
