import numpy as np
import pytest

from unmask.preprocessing.faces.head_pose import mirror_pose
from unmask.preprocessing.faces.landmarks import MIRRORED, mirror_landmarks


def test_every_point_has_one_partner_and_the_partners_partner_is_the_point():
    assert sorted(MIRRORED) == list(range(68))
    assert np.array_equal(MIRRORED[MIRRORED], np.arange(68))


def test_points_of_a_mirrored_picture_are_those_that_are_found_in_it(landmarker, hopper):
    (face,), (other,) = landmarker.find(hopper), landmarker.find(hopper[:, ::-1].copy())
    moved = mirror_landmarks(face.landmarks_px, 512)
    by_point = np.hypot(*(moved - other.landmarks_px).T)
    assert by_point.max() < 0.1 * np.ptp(face.box_px[::2])
    assert by_point.mean() < 4


def test_mirroring_twice_changes_nothing():
    points = np.random.default_rng(0).uniform(0, 224, (3, 68, 2)).astype(np.float32)
    assert mirror_landmarks(mirror_landmarks(points, 224), 224) == pytest.approx(points, abs=1e-4)


def test_yaw_and_roll_change_sign_and_pitch_does_not():
    assert mirror_pose(np.array([[10.0, 5.0, -3.0]])).tolist() == [[-10.0, 5.0, 3.0]]
