"""Adapters for MediaPipe's graphs."""

import numpy as np
import pytest

from unmask.preprocessing.faces.mediapipe_graphs import (
    FullRangeDetector,
    RegionMesh,
    RotatedSquare,
    WholeImageMesh,
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


def test_detector_returns_the_region_of_the_face(astronaut):
    (square,) = FullRangeDetector(0.5)(astronaut)
    assert np.hypot(*(square.centre - (224, 120))) < 25
    assert 90 < square.side < 260
    assert abs(square.angle) < 0.2


def test_mesh_in_a_region_agrees_with_the_mesh_of_the_whole_image(astronaut, region_mesh, region):
    mesh = region_mesh(astronaut, region)
    (expected,) = WholeImageMesh(0.5, 1)(astronaut)
    assert mesh.shape == expected[:468].shape == (468, 2)
    assert np.hypot(*(mesh - expected[:468]).T).mean() < 4


def test_mesh_follows_a_rotated_region(astronaut, region_mesh, region):
    cv2 = pytest.importorskip("cv2")
    rotation = cv2.getRotationMatrix2D((224, 120), -30, 1.0)  # clockwise
    rotated = cv2.warpAffine(astronaut, rotation, (512, 512))
    square = RotatedSquare(
        rotation[:, :2] @ region.centre + rotation[:, 2], region.side, region.angle + np.pi / 6
    )
    expected = region_mesh(astronaut, region) @ rotation[:, :2].T + rotation[:, 2]
    assert np.hypot(*(region_mesh(rotated, square) - expected).T).mean() < 3


def test_region_without_a_face_has_no_mesh(astronaut, region_mesh):
    blank = np.full_like(astronaut, 90)
    assert region_mesh(blank, RotatedSquare(np.array([224, 120], np.float32), 150, 0.0)) is None
    assert WholeImageMesh(0.5, 1)(blank) == []
    assert FullRangeDetector(0.5)(blank) == []
