"""The peak envelope keeps every peak, whatever the length of the sound."""

import numpy as np
import pytest

from unmask.serving.aggregation.waveform_peaks import MAX_STEPS, STEP_SAMPLES, PeakEnvelope


def envelope_of(samples, windows=1):
    peaks = PeakEnvelope()
    for window in np.array_split(samples, windows):
        peaks.add(window)
    return peaks.envelope()


@pytest.mark.parametrize("seconds", [0.01, 0.5, 3.0, 24.0, 24.02, 90.0])
def test_each_step_is_the_peak_amplitude_within_it(rng, seconds):
    samples = rng.uniform(-1, 1, round(seconds * 16_000)).astype(np.float32)
    envelope = envelope_of(samples)
    step = round(envelope.step_s * 16_000)
    expected = [np.abs(samples[i : i + step]).max() for i in range(0, len(samples), step)]
    assert envelope.peaks == pytest.approx(expected, abs=0.0006)
    assert len(envelope.peaks) <= MAX_STEPS
    assert envelope.start_s == 0.0


def test_windows_give_the_same_envelope_as_the_full_sound(rng):
    samples = rng.uniform(-1, 1, 60 * STEP_SAMPLES).astype(np.float32)
    assert envelope_of(samples, windows=3) == envelope_of(samples)


def test_click_in_an_hour_of_silence_is_kept():
    samples = np.zeros(3600 * 16_000, np.float32)
    samples[16_000 * 1800] = -1.0
    envelope = envelope_of(samples)
    loudest = int(np.argmax(envelope.peaks))
    assert max(envelope.peaks) == 1.0
    assert loudest * envelope.step_s <= 1800.0 < (loudest + 1) * envelope.step_s


def test_no_sound_has_no_envelope():
    assert PeakEnvelope().envelope() is None
    assert envelope_of(np.zeros(0, np.float32)) is None
