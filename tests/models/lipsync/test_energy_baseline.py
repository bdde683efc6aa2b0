import numpy as np
import pytest

from unmask.models.lipsync.energy_baseline import correlations, lip_energy_score
from unmask.records import MouthCrops


def flashing(rng, late_ticks=0, ticks=150):
    """Mouth crops whose motion follows the loudness `late_ticks` earlier."""
    loud = rng.uniform(0, 1, ticks + 40)
    level = np.where(np.arange(ticks) % 2, 1, -1) * loud[20 : 20 + ticks] * 50
    mouths = np.clip(128 + level, 0, 255).astype(np.uint8)[:, None, None]
    mouths = np.broadcast_to(mouths, (ticks, 48, 48))
    lips = MouthCrops(mouths, np.arange(ticks) / 25, np.zeros(ticks, np.float32), 25.0)
    moved = np.abs(np.diff(level, prepend=0.0))
    amplitude = np.exp(np.roll(moved, late_ticks) / 30) * 0.01
    sound = np.repeat(amplitude, 640) * np.where(np.arange(ticks * 640) % 2, 1, -1)
    return lips, sound.astype(np.float32), np.ones(ticks * 640, bool)


@pytest.mark.parametrize("late_ticks", [-10, -2, 0, 5, 10])
def test_offset_is_where_motion_and_loudness_correlate(rng, late_ticks):
    result = lip_energy_score(*flashing(rng, late_ticks))
    assert result.offset_ms == pytest.approx(40 * late_ticks, abs=20)
    assert (result.probability < 0.1) == (late_ticks == 0)


def test_correlation_equals_numpy(rng):
    lips, sound, speech = flashing(rng)
    curve = correlations(lips, sound, speech)
    blocks = lips.mouths.astype(float).mean(axis=(1, 2))
    level = np.log(np.sqrt((sound.astype(float).reshape(-1, 640) ** 2).mean(axis=1)) + 1e-3)
    for shift in (-7, 0, 4):
        at = np.arange(1, 150)
        at = at[(at + shift >= 0) & (at + shift < 150)]
        expected = np.corrcoef(np.abs(np.diff(blocks))[at - 1], level[at + shift])[0, 1]
        assert curve[shift + 15] == pytest.approx(expected)


def test_silence_still_mouth_and_missing_sound_are_not_scored(rng):
    lips, sound, speech = flashing(rng)
    still = MouthCrops(lips.mouths[:1].repeat(150, 0), lips.time_s, lips.opening, 25.0)
    empty = np.zeros(0, np.float32)
    for score in (
        lip_energy_score(lips, sound, ~speech),
        lip_energy_score(still, sound, speech),
        lip_energy_score(lips, empty, empty.astype(bool)),
        lip_energy_score(lips, np.zeros_like(sound), speech),
    ):
        assert score.probability is None
