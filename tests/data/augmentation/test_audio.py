import numpy as np
import pytest

from unmask.data.augmentation.audio import pitch_shift, spectral_tilt, time_stretch
from unmask.data.forgeries.voices import convert_voice

RATE_HZ = 16_000


def tone(hz, seconds=1.0):
    return (0.3 * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)).astype(
        np.float32
    )


def pitch_hz(samples):
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return spectrum.argmax() * RATE_HZ / len(samples)


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_time_stretch_keeps_the_pitch_and_stretches_the_speech_mask(factor):
    spoken = np.zeros(RATE_HZ, bool)
    spoken[4000:12_000] = True
    samples = np.where(spoken, tone(440), 0).astype(np.float32)
    longer, mask = time_stretch(samples, spoken, factor)
    assert len(longer) == len(mask) == round(RATE_HZ * factor)
    begin, end = np.flatnonzero(mask)[[0, -1]] / RATE_HZ
    assert (begin, end) == pytest.approx((0.25 * factor, 0.75 * factor), abs=0.001)
    assert pitch_hz(longer) == pytest.approx(440, abs=4)
    loud = np.square(longer, dtype=float)
    assert loud[mask].sum() > 0.95 * loud.sum()


def test_factor_one_and_empty_sound_stay_unchanged():
    for samples in (tone(440), np.zeros(0, np.float32)):
        mask = np.ones(len(samples), bool)
        same, spoken = time_stretch(samples, mask, 1.0)
        assert np.array_equal(same, samples)
        assert np.array_equal(spoken, mask)
    assert len(time_stretch(np.zeros(0, np.float32), np.zeros(0, bool), 1.1)[0]) == 0
    assert len(pitch_shift(np.zeros(0, np.float32), 1.0)) == len(
        spectral_tilt(np.zeros(0, np.float32), 1.0)
    )


@pytest.mark.parametrize("semitones", [-2.0, 1.5])
def test_pitch_shift_keeps_duration_and_loudness(semitones):
    samples = tone(440)
    other = pitch_shift(samples, semitones)
    assert other.shape == samples.shape
    assert pitch_hz(other) == pytest.approx(440 * 2 ** (semitones / 12), abs=4)
    assert np.std(other) == pytest.approx(np.std(samples), rel=0.05)


@pytest.mark.parametrize("semitones", [-5.0, 5.0])
def test_pitch_shift_and_voice_conversion_leave_bursts_with_the_lips(rng, semitones):
    samples = np.zeros(RATE_HZ, np.float32)
    samples[8000:8160] = 0.3 * rng.normal(size=160)
    for shift in (pitch_shift, convert_voice):
        loud = np.flatnonzero(np.abs(shift(samples, semitones)) > 0.1)
        assert (loud[0], loud[-1]) == pytest.approx((8000, 8160), abs=160)


@pytest.mark.parametrize("db", [-3.0, 3.0])
def test_spectral_tilt_adds_the_same_decibels_per_octave(db):
    samples = tone(500) + tone(1000) + tone(4000)
    other = spectral_tilt(samples, db)
    gain_db = [
        20 * np.log10(np.abs(np.fft.rfft(other))[hz] / np.abs(np.fft.rfft(samples))[hz])
        for hz in (500, 1000, 4000)
    ]
    assert gain_db[1] - gain_db[0] == pytest.approx(db, abs=0.05)
    assert gain_db[2] - gain_db[1] == pytest.approx(2 * db, abs=0.05)
    assert np.std(other) == pytest.approx(np.std(samples), rel=0.01)


def test_spectral_tilt_of_silence_is_silence():
    assert not spectral_tilt(np.zeros(100, np.float32), 3.0).any()
