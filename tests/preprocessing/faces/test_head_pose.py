"""Head pose from landmarks."""

import numpy as np
import pytest

from unmask.preprocessing.faces.head_pose import (
    RIGID_CM,
    estimate_head_pose,
    mirror_pose,
    rotate_pose,
)


def project_head(yaw, pitch, roll, size=(1280, 720), distance_cm=90.0, offset_cm=(0.0, 0.0)):
    """Project the 68 points of a rotated head; x right, y up, z towards the viewer; degrees."""
    y, p, r = np.radians([yaw, pitch, roll])
    about_up = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_right = np.array([[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]])
    about_nose = np.array([[np.cos(r), np.sin(r), 0], [-np.sin(r), np.cos(r), 0], [0, 0, 1]])
    points = np.zeros((68, 2), np.float32)
    for number, position in RIGID_CM.items():
        x, up, near = about_up @ about_right @ about_nose @ np.array(position)
        depth = distance_cm - near
        right, high = x + offset_cm[0], up + offset_cm[1]
        points[number] = np.array([right, -high]) / depth * max(size) + np.array(size) / 2
    return points


@pytest.mark.parametrize(
    "angles", [(0, 0, 0), (35, 0, 0), (-35, 0, 0), (0, 20, 0), (0, 0, 30), (25, -15, -40)]
)
def test_known_rotation_is_recovered(angles):
    assert estimate_head_pose(project_head(*angles), 1280, 720) == pytest.approx(angles, abs=0.5)


def test_off_centre_head_has_the_same_pose():
    points = project_head(10, 5, 3, offset_cm=(25.0, -8.0))
    assert estimate_head_pose(points, 1280, 720) == pytest.approx((10, 5, 3), abs=0.5)


def test_signs_of_the_angles_agree_with_the_image():
    frontal, right, up, clockwise = (
        project_head(*angles) for angles in ((0, 0, 0), (30, 0, 0), (0, 20, 0), (0, 0, 20))
    )
    assert (right - frontal)[30, 0] > 20  # the nose moves to the right of the image
    assert (up - frontal)[30, 1] < -10  # the nose moves up
    assert clockwise[45, 1] > clockwise[36, 1] + 10  # the right eye is lower


def test_mirrored_face_has_opposite_yaw_and_roll(landmarker, hopper):
    (face,), (mirrored,) = landmarker.detect(hopper), landmarker.detect(hopper[:, ::-1].copy())
    yaw, pitch, roll = estimate_head_pose(face.landmarks_px, 512, 600)
    expected = (-yaw, pitch, -roll)
    assert estimate_head_pose(mirrored.landmarks_px, 512, 600) == pytest.approx(expected, abs=3)


def test_rotating_the_image_changes_only_the_roll(landmarker, astronaut):
    cv2 = pytest.importorskip("cv2")
    (face,) = landmarker.detect(astronaut)
    rotation = cv2.getRotationMatrix2D((256, 256), -20, 1.0)  # clockwise as seen
    tilted = (face.landmarks_px @ rotation[:, :2].T + rotation[:, 2]).astype(np.float32)
    before, after = (estimate_head_pose(points, 512, 512) for points in (face.landmarks_px, tilted))
    assert after[2] - before[2] == pytest.approx(20, abs=3)


def test_mirror_pose_changes_the_sign_of_yaw_and_roll():
    assert mirror_pose(np.array([[10.0, 5.0, -3.0]])).tolist() == [[-10.0, 5.0, 3.0]]


def turn(points, angle_deg, centre):
    """Turn points clockwise around the centre of the image."""
    angle = np.deg2rad(angle_deg)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return ((points - centre) @ matrix.T + centre).astype(np.float32)


@pytest.mark.parametrize("angles", [(0, 0, 0), (30, 0, 10), (-20, 15, -25), (10, -20, 5)])
@pytest.mark.parametrize("turn_deg", [-30, 0, 12])
def test_pose_in_a_rotated_image_is_that_of_the_rotated_landmarks(angles, turn_deg):
    points = turn(project_head(*angles), turn_deg, (640, 360))
    rotated = rotate_pose(np.float32([angles] * 2), np.deg2rad([turn_deg, 0.0]))
    expected = estimate_head_pose(points, 1280, 720)
    assert rotated == pytest.approx(np.stack([expected, np.float32(angles)]), abs=0.6)


def test_no_pose_is_rotated_to_no_pose():
    assert rotate_pose(np.zeros((0, 3), np.float32), np.zeros(0)).shape == (0, 3)
