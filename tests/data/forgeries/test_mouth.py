import numpy as np
import pytest

from unmask.config import FaceSettings
from unmask.data.forgeries.methods import forge_face
from unmask.data.forgeries.mouth import mouth_opening, redrive_mouth
from unmask.preprocessing.faces.detection import get_landmarker


def test_mouth_opening_is_the_lip_distance_over_the_eye_distance():
    points = np.zeros((2, 68, 2))
    points[:, 42:48, 0] = 40.0  # right eye 40 px from the left one
    points[1, 66, 1] = 10.0  # lower inner lip 10 px below the upper one
    assert mouth_opening(points).tolist() == [0.0, 0.25]
    assert mouth_opening(points * 3 + 7).tolist() == [0.0, 0.25]


def test_redriven_mouth_follows_the_donor_instead_of_its_own_speech(pair):
    footage, donor = pair
    donor_opening = mouth_opening(donor.landmarks)
    forged = forge_face(footage, "lip-desync", donor, np.random.default_rng(0))
    detect = get_landmarker(FaceSettings()).detect
    landmarks = np.stack([detect(frame)[0].landmarks_px for frame in forged]).astype(float)
    opening = mouth_opening(landmarks)
    own_opening = mouth_opening(footage.landmarks)
    assert np.corrcoef(opening, donor_opening)[0, 1] > 0.6
    assert np.corrcoef(opening, donor_opening)[0, 1] > np.corrcoef(opening, own_opening)[0, 1]


@pytest.mark.parametrize("change", [-0.05, 0.3])
def test_redriving_changes_nothing_above_the_tip_of_the_nose(pair, change):
    frame, points = pair[0].frames[0], pair[0].landmarks[0]
    opening = float(mouth_opening(points[None])[0]) + change
    forged = redrive_mouth(frame, points, opening)
    top = int(min(points[30, 1], points[2:15, 1].min())) - 6  # soft edge of the mask
    assert np.array_equal(forged[:top], frame[:top])
    assert not np.array_equal(forged, frame)
