import numpy as np
import pytest

from unmask.preprocessing.faces.head_pose import RIGID_CM, estimate_head_pose


def photographed(yaw, pitch, roll, size=(1280, 720), distance_cm=90.0, beside_cm=(0.0, 0.0)):
    """68 points of a head turned by hand: x right, y up, z to the viewer; degrees."""
    y, p, r = np.radians([yaw, pitch, roll])
    about_up = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_right = np.array([[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]])
    about_nose = np.array([[np.cos(r), np.sin(r), 0], [-np.sin(r), np.cos(r), 0], [0, 0, 1]])
    points = np.zeros((68, 2), np.float32)
    for number, place in RIGID_CM.items():
        x, up, near = about_up @ about_right @ about_nose @ np.array(place)
        depth = distance_cm - near
        right, high = x + beside_cm[0], up + beside_cm[1]
        points[number] = np.array([right, -high]) / depth * max(size) + np.array(size) / 2
    return points


@pytest.mark.parametrize(
    "angles", [(0, 0, 0), (35, 0, 0), (-35, 0, 0), (0, 20, 0), (0, 0, 30), (25, -15, -40)]
)
def test_a_head_turned_by_known_angles_is_measured_so(angles):
    assert estimate_head_pose(photographed(*angles), 1280, 720) == pytest.approx(angles, abs=0.5)


def test_a_head_beside_the_middle_is_measured_as_it_stands():
    points = photographed(10, 5, 3, beside_cm=(25.0, -8.0))
    assert estimate_head_pose(points, 1280, 720) == pytest.approx((10, 5, 3), abs=0.5)


def test_the_signs_are_those_that_the_picture_shows():
    straight, right, up, clockwise = (
        photographed(*angles) for angles in ((0, 0, 0), (30, 0, 0), (0, 20, 0), (0, 0, 20))
    )
    assert (right - straight)[30, 0] > 20  # the nose moves to the picture's right
    assert (up - straight)[30, 1] < -10  # the nose moves up
    assert clockwise[45, 1] > clockwise[36, 1] + 10  # the right eye is lower


def test_a_mirrored_face_turns_and_tilts_the_other_way(landmarker, hopper):
    (face,), (mirrored,) = landmarker.find(hopper), landmarker.find(hopper[:, ::-1].copy())
    yaw, pitch, roll = estimate_head_pose(face.landmarks_px, 512, 600)
    expected = (-yaw, pitch, -roll)
    assert estimate_head_pose(mirrored.landmarks_px, 512, 600) == pytest.approx(expected, abs=3)


def test_tilting_the_picture_adds_to_roll_alone(landmarker, astronaut):
    cv2 = pytest.importorskip("cv2")
    (face,) = landmarker.find(astronaut)
    turn = cv2.getRotationMatrix2D((256, 256), -20, 1.0)  # clockwise as seen
    tilted = (face.landmarks_px @ turn[:, :2].T + turn[:, 2]).astype(np.float32)
    before, after = (estimate_head_pose(points, 512, 512) for points in (face.landmarks_px, tilted))
    assert after[2] - before[2] == pytest.approx(20, abs=3)
