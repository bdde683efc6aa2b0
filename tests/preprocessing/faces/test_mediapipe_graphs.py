"""Adapters for MediaPipe's graphs."""

import subprocess
import sys

import numpy as np
import pytest

from unmask.preprocessing.faces.mediapipe_graphs import (
    FULL_RANGE,
    SHORT_RANGE,
    FaceDetector,
    RegionMesh,
    RotatedSquare,
)

LEFT_EYE, RIGHT_EYE, MOUTH = (204, 103), (246, 104), (223, 140)  # of the astronaut


@pytest.fixture(scope="module")
def region_mesh():
    return RegionMesh()


@pytest.fixture(scope="module")
def region():
    """Around the astronaut's face."""
    return RotatedSquare.around((180, 75), (270, 175), LEFT_EYE, RIGHT_EYE)


def test_square_around_a_box_is_rotated_like_the_eye_line():
    square = RotatedSquare.around((0, 0), (40, 20), (10, 10), (20, 20))
    assert square.centre == pytest.approx((20, 10))
    assert (square.side, square.angle) == pytest.approx((60, np.pi / 4))


def test_square_is_scaled_and_shifted_like_the_image():
    square = RotatedSquare(np.array([10.0, 20.0], np.float32), 8.0, 0.3)
    moved = square.scaled(2.0).shifted(np.array([5.0, 1.0], np.float32))
    assert moved.centre == pytest.approx((25, 41))
    assert (moved.side, moved.angle) == (16.0, 0.3)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_region_in_a_turned_image_is_mapped_back(quarters):
    image = np.zeros((40, 60), np.uint8)
    image[5:9, 20:24] = 255  # centre (22, 7)
    turned = np.rot90(image, quarters)
    rows, columns = np.nonzero(turned)
    square = RotatedSquare(np.float32([columns.mean() + 0.5, rows.mean() + 0.5]), 4.0, 0.0)
    for done in range(quarters, 0, -1):
        square = square.before_rot90(image.shape[1 if done % 2 else 0])
    assert square.centre == pytest.approx((22, 7))
    assert square.angle == pytest.approx(quarters * np.pi / 2)


@pytest.mark.parametrize("model", [FULL_RANGE, SHORT_RANGE])
def test_detector_returns_the_region_of_the_face(astronaut, model):
    (square,) = FaceDetector(model, 0.5)(astronaut)
    assert np.hypot(*(square.centre - (224, 120))) < 25
    assert 90 < square.side < 260
    assert abs(square.angle) < 0.2


def test_only_the_full_range_detector_finds_a_small_face(astronaut):
    canvas = np.full((720, 1280, 3), 90, np.uint8)
    canvas[100:612, 400:912] = astronaut  # face 95 px wide, 7 % of the width
    assert len(FaceDetector(FULL_RANGE, 0.5)(canvas)) == 1
    assert FaceDetector(SHORT_RANGE, 0.5)(canvas) == []


@pytest.mark.parametrize("model", [FULL_RANGE, SHORT_RANGE])
def test_detections_below_the_confidence_are_dropped(astronaut, model):
    assert FaceDetector(model, 0.99)(astronaut) == []


def test_mesh_works_in_a_process_without_a_detector():
    code = """
import numpy as np
from skimage import data
from unmask.preprocessing.faces.mediapipe_graphs import RegionMesh, RotatedSquare

region = RotatedSquare(np.float32([224, 120]), 150, 0.0)
print(RegionMesh()(np.ascontiguousarray(data.astronaut()), region)[0].shape)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "(468, 2)"


def test_mesh_in_a_region_agrees_with_mediapipes_own_solution(astronaut, region_mesh, region):
    mesh, presence = region_mesh(astronaut, region)
    assert presence > 0.99
    face_mesh = pytest.importorskip("mediapipe").solutions.face_mesh
    with face_mesh.FaceMesh(static_image_mode=True) as solution:
        (expected,) = solution.process(astronaut).multi_face_landmarks
    points = np.array([(point.x, point.y) for point in expected.landmark]) * 512
    assert mesh.shape == points.shape == (468, 2)
    assert np.hypot(*(mesh - points).T).mean() < 4


def test_mesh_follows_a_rotated_region(astronaut, region_mesh, region):
    cv2 = pytest.importorskip("cv2")
    rotation = cv2.getRotationMatrix2D((224, 120), -30, 1.0)  # clockwise
    rotated = cv2.warpAffine(astronaut, rotation, (512, 512))
    square = RotatedSquare(
        rotation[:, :2] @ region.centre + rotation[:, 2], region.side, region.angle + np.pi / 6
    )
    expected = region_mesh(astronaut, region)[0] @ rotation[:, :2].T + rotation[:, 2]
    assert np.hypot(*(region_mesh(rotated, square)[0] - expected).T).mean() < 3


@pytest.mark.parametrize("angle", [0.0, np.pi / 5])
def test_mesh_does_not_depend_on_the_size_of_the_image(astronaut, region_mesh, region, angle):
    tilted = RotatedSquare(region.centre, region.side, angle)
    corner = np.array([700, 300], np.float32)
    large = np.zeros((1080, 1920, 3), np.uint8)
    large[300:812, 700:1212] = astronaut
    mesh = region_mesh(large, tilted.shifted(corner))[0] - corner
    assert mesh == pytest.approx(region_mesh(astronaut, tilted)[0], abs=0.1)


def test_region_beyond_the_image_has_no_mesh(astronaut, region_mesh):
    beyond = RotatedSquare(np.array([900, 120], np.float32), 150, 0.0)
    assert region_mesh(astronaut, beyond) is None


def test_region_without_a_face_has_no_mesh(astronaut, region_mesh):
    blank = np.full_like(astronaut, 90)
    assert region_mesh(blank, RotatedSquare(np.array([224, 120], np.float32), 150, 0.0)) is None
    assert FaceDetector(SHORT_RANGE, 0.5)(blank) == []
    assert FaceDetector(FULL_RANGE, 0.5)(blank) == []
