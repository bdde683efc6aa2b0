"""The outline of a sound keeps every peak, whatever its length."""

import numpy as np
import pytest

from unmask.serving.aggregation.waveform_peaks import MOST_STEPS, STEP_SAMPLES, PeakEnvelope


def outline(samples, windows=1):
    loudness = PeakEnvelope()
    for part in np.array_split(samples, windows):
        loudness.add(part)
    return loudness.envelope()


@pytest.mark.parametrize("seconds", [0.01, 0.5, 3.0, 24.0, 24.02, 90.0])
def test_each_step_is_the_largest_amplitude_within_it(rng, seconds):
    samples = rng.uniform(-1, 1, round(seconds * 16_000)).astype(np.float32)
    found = outline(samples)
    wide = round(found.step_s * 16_000)
    wanted = [np.abs(samples[at : at + wide]).max() for at in range(0, len(samples), wide)]
    assert found.peaks == pytest.approx(wanted, abs=0.0006)
    assert len(found.peaks) <= MOST_STEPS
    assert found.start_s == 0.0


def test_windows_join_as_if_there_were_none(rng):
    samples = rng.uniform(-1, 1, 60 * STEP_SAMPLES).astype(np.float32)
    assert outline(samples, windows=3) == outline(samples)


def test_a_click_is_seen_in_an_hour_of_silence():
    samples = np.zeros(3600 * 16_000, np.float32)
    samples[16_000 * 1800] = -1.0
    found = outline(samples)
    loudest = int(np.argmax(found.peaks))
    assert max(found.peaks) == 1.0
    assert loudest * found.step_s <= 1800.0 < (loudest + 1) * found.step_s


def test_no_sound_has_no_outline():
    assert PeakEnvelope().envelope() is None
    assert outline(np.zeros(0, np.float32)) is None
