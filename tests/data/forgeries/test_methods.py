import numpy as np
import pytest

from unmask.data.forgeries.methods import (
    FACE_METHODS,
    VOICE_METHODS,
    Footage,
    forge_face,
    forge_voice,
)
from unmask.errors import DataError


@pytest.mark.parametrize("method", FACE_METHODS)
def test_face_forgery_changes_only_the_region_of_the_face(pair, method, rng):
    footage, donor = pair
    forged = forge_face(footage, method, donor, rng)
    assert len(forged) == len(footage.frames)
    changed = 0
    for before, after, points in zip(footage.frames, forged, footage.landmarks, strict=True):
        low, high = points.min(0), points.max(0)
        margin = 0.36 * (high - low).max()
        outside = np.ones(before.shape[:2], bool)
        x0, y0 = np.maximum(low - margin, 0).astype(int)
        x1, y1 = (high + margin + 2).astype(int)
        outside[y0:y1, x0:x1] = False
        assert np.array_equal(before[outside], after[outside])
        changed += not np.array_equal(before, after)
    assert changed >= 0.9 * len(forged)


@pytest.mark.parametrize("method", FACE_METHODS)
def test_frame_without_a_face_stays_unchanged(pair, method, rng):
    footage, donor = pair
    points = footage.landmarks.copy()
    points[3] = np.nan
    forged = forge_face(Footage(footage.frames, points, None), method, donor, rng)
    assert np.array_equal(forged[3], footage.frames[3])


@pytest.mark.parametrize("method", VOICE_METHODS)
def test_voice_forgery_keeps_duration_and_loudness(pair, method, rng):
    footage, donor = pair
    forged = forge_voice(footage, method, donor, rng)
    assert forged.shape == footage.samples.shape
    assert np.abs(forged).max() <= 1

    def level(samples):
        return np.sqrt(np.mean(samples.astype(float) ** 2))

    assert level(forged) == pytest.approx(level(footage.samples), rel=0.05)
    assert np.abs(forged - footage.samples).max() > 0.01


def test_impossible_forgery_is_rejected(pair, rng):
    footage, donor = pair
    silent = Footage(footage.frames, footage.landmarks, None)
    faceless = Footage(footage.frames, np.full_like(footage.landmarks, np.nan), footage.samples)
    with pytest.raises(DataError, match="no sound"):
        forge_voice(silent, "voice-griffinlim", donor, rng)
    with pytest.raises(DataError, match="no face"):
        forge_face(faceless, "self-blend", donor, rng)
    with pytest.raises(DataError, match="face-swap, self-blend, lip-desync"):
        forge_face(footage, "puppet", donor, rng)
    with pytest.raises(DataError, match="voice-griffinlim"):
        forge_voice(footage, "whisper", donor, rng)
    with pytest.raises(DataError, match="donor has no sound"):
        forge_voice(footage, "voice-swap", silent, rng)


def test_footage_needs_landmarks_of_every_frame(pair):
    with pytest.raises(
        DataError, match=r"landmarks have shape \(3, 68, 2\); expected \(2, 68, 2\)"
    ):
        Footage(pair[0].frames[:2], pair[0].landmarks[:3], None)
