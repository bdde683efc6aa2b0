import librosa
import numpy as np
import pytest

from unmask.data.demo.speech_synthesis import Voice, sample_syllables, speak
from unmask.data.forgeries.voices import (
    convert_voice,
    fix_length,
    griffin_lim,
    match_loudness,
    swap_voice,
)
from unmask.records import RATE_HZ


def rms(samples):
    return np.sqrt(np.mean(samples.astype(float) ** 2))


def test_quick_griffin_lim_keeps_the_mel_bands_as_the_thorough_one_does(pair):
    def bands_db(samples):
        mel = librosa.feature.melspectrogram(y=samples, sr=RATE_HZ, n_mels=40)
        return librosa.power_to_db(mel, ref=1.0, amin=1e-6)

    samples = pair[0].samples
    quick, thorough = (
        griffin_lim(samples, np.random.default_rng(0), quick=quick) for quick in (True, False)
    )
    other_voice = np.abs(bands_db(samples) - bands_db(pair[1].samples)).mean()
    for vocoded in (quick, thorough):
        assert np.abs(bands_db(vocoded) - bands_db(samples)).mean() < 0.5 * other_voice
    assert len(quick) == len(samples)


def test_converted_voice_has_the_shifted_pitch():
    rng = np.random.default_rng(2)
    voice = Voice(pitch_hz=120.0, tract=1.0, breath=0.03, tilt_db=9.0)
    samples = speak(voice, sample_syllables(2.0, rng), 2.0, rng)

    def pitch_hz(sound):
        """Median over the loudest blocks of the lag with the highest autocorrelation."""
        blocks = sound[: len(sound) // 1024 * 1024].reshape(-1, 1024)
        loud = blocks[np.argsort((blocks**2).sum(axis=1))[-10:]]
        correlation = np.array([np.correlate(block, block, "full")[1023:] for block in loud])
        lags = correlation[:, RATE_HZ // 400 : RATE_HZ // 60].argmax(axis=1) + RATE_HZ // 400
        return RATE_HZ / np.median(lags)

    ratio = pitch_hz(convert_voice(samples, 4.0)) / pitch_hz(samples)
    assert ratio == pytest.approx(2 ** (4 / 12), rel=0.05)


@pytest.mark.parametrize("length", [0, 3, 5, 8])
def test_fix_length_agrees_with_librosa(rng, length):
    samples = rng.normal(size=5).astype(np.float32)
    expected = librosa.util.fix_length(samples, size=length)
    assert np.array_equal(fix_length(samples, length), expected)
    assert fix_length(samples, length).dtype == np.float32


def test_match_loudness_scales_to_the_reference_and_clips(rng):
    quiet, loud = (rng.normal(0, sigma, 4000).astype(np.float32) for sigma in (0.01, 0.2))
    assert rms(match_loudness(quiet, loud)) == pytest.approx(rms(loud), rel=1e-4)
    peak = np.zeros(100, np.float32)
    peak[50] = 0.5
    clipped = match_loudness(peak, np.full(100, 0.9, np.float32))
    assert (clipped.min(), clipped.max()) == (0.0, 1.0)


def test_swapped_voice_repeats_a_short_donor():
    donor = np.array([0.1, -0.2, 0.3], np.float32)
    samples = np.full(7, 0.5, np.float32)
    swapped = swap_voice(samples, donor)
    assert swapped.shape == (7,)
    assert swapped[3:6] == pytest.approx(swapped[:3])
    assert swapped[0] / swapped[1] == pytest.approx(-0.5)
