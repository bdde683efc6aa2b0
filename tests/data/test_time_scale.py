"""Sound keeps its place when it is stretched or its pitch is shifted."""

import numpy as np
import pytest

from unmask.data.time_scale import shift_pitch, stretch

RATE_HZ = 16_000
TIMES_S = np.arange(0.2, 2.8, 0.0971)


@pytest.fixture(params=[16, 160])
def bursts(request, rng):
    """Bursts of noise, of 1 or 10 ms, at ``TIMES_S``."""
    samples = np.zeros(3 * RATE_HZ, np.float32)
    for time_s in TIMES_S:
        start = round(time_s * RATE_HZ)
        burst = 0.5 * rng.normal(size=request.param) * np.hanning(request.param)
        samples[start : start + request.param] = burst
    return samples


def burst_places(samples, times_s):
    """Start, peak and end of each burst in seconds, shape (bursts, 3)."""
    rows = []
    for time_s in times_s:
        first = round((time_s - 0.04) * RATE_HZ)
        level = np.abs(samples[first : first + round(0.09 * RATE_HZ)])
        loud = np.flatnonzero(level > 0.25 * level.max())
        rows.append([first + loud[0], first + level.argmax(), first + loud[-1]])
    return np.array(rows) / RATE_HZ


def voice(pitch_hz):
    """Two seconds of a voice-like sum of harmonics up to 3 kHz."""
    time_s = np.arange(2 * RATE_HZ) / RATE_HZ
    orders = range(1, int(3000 / pitch_hz))
    harmonics = [np.sin(2 * np.pi * pitch_hz * order * time_s) / order for order in orders]
    return (0.1 * np.sum(harmonics, axis=0)).astype(np.float32)


def share_at_harmonics(samples, pitch_hz):
    """Share of the power below 3 kHz within 6 Hz of a harmonic of the pitch."""
    middle = samples[RATE_HZ // 4 : -RATE_HZ // 4]
    power = np.square(np.abs(np.fft.rfft(middle * np.hanning(len(middle)))))
    hz = np.fft.rfftfreq(len(middle), 1 / RATE_HZ)
    nearest = np.maximum(np.rint(hz / pitch_hz), 1) * pitch_hz
    audible = hz < 3000
    return power[audible & (np.abs(hz - nearest) < 6)].sum() / power[audible].sum()


@pytest.mark.parametrize("semitones", [-5.0, -4.0, -2.0, -0.5, 0.5, 2.0, 4.0, 5.0])
def test_pitch_shift_moves_no_burst_by_more_than_10_ms(bursts, semitones):
    shifted = shift_pitch(bursts, semitones)
    moved_s = burst_places(shifted, TIMES_S) - burst_places(bursts, TIMES_S)
    assert np.abs(moved_s).max() < 0.010


@pytest.mark.parametrize("factor", [0.9, 0.97, 1.03, 1.1])
def test_stretch_moves_no_burst_by_more_than_10_ms(bursts, factor):
    stretched = stretch(bursts, round(len(bursts) * factor))
    peaks_s = burst_places(bursts, TIMES_S)[:, 1]
    moved_s = burst_places(stretched, TIMES_S * factor)[:, 1] - peaks_s * factor
    assert np.abs(moved_s).max() < 0.010


@pytest.mark.parametrize("semitones", [-5.0, -2.0, 2.0, 5.0])
@pytest.mark.parametrize("pitch_hz", [90.0, 130.0, 220.0])
def test_pitch_of_a_voice_is_shifted_and_stays_clear(pitch_hz, semitones):
    shifted = shift_pitch(voice(pitch_hz), semitones)
    assert share_at_harmonics(shifted, pitch_hz * 2 ** (semitones / 12)) > 0.99
    assert share_at_harmonics(shifted, pitch_hz) < 0.5


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_stretched_voice_keeps_its_pitch_and_level(factor):
    samples = voice(130.0)
    stretched = stretch(samples, round(len(samples) * factor))
    assert len(stretched) == round(len(samples) * factor)
    assert share_at_harmonics(stretched, 130.0) > 0.99
    assert stretched.std() == pytest.approx(samples.std(), rel=0.05)


def test_same_length_returns_the_same_sound(rng):
    samples = rng.normal(0, 0.1, 5000).astype(np.float32)
    assert stretch(samples, 5000)[:4500] == pytest.approx(samples[:4500], abs=1e-6)


@pytest.mark.parametrize("length", [0, 1, 50, 700])
def test_short_and_silent_sound_keeps_its_length(length):
    samples = np.zeros(length, np.float32)
    assert shift_pitch(samples, 3.0).shape == (length,)
    assert not stretch(samples, 2 * length).any()
