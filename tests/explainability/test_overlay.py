"""Heat is drawn on the right pixels of the frame for any rotation of the face."""

import numpy as np
import pytest

from unmask.explainability.overlay import (
    MAX_SIDE_PX,
    crop_view,
    draw_overlay,
    project_heat,
    region_around,
)
from unmask.explainability.top_moments import FrameCandidate
from unmask.preprocessing.faces.alignment import estimate_similarity

NOSE = 30


def spot(x, y):
    rows, columns = np.mgrid[:224, :224]
    return np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 50).astype(np.float32)


def placed(landmarks, turn_deg, scale, shift):
    turn = np.deg2rad(turn_deg)
    matrix = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return (landmarks @ matrix.T + shift).astype(np.float32)


def box_of(points):
    return np.concatenate([points.min(axis=0), points.max(axis=0)])


def make_candidate(points, landmarks):
    matrix = estimate_similarity(points, landmarks)
    return FrameCandidate(2, 83.4, 0.97, box_of(points), matrix, landmarks, None, 0)


@pytest.mark.parametrize(
    ("turn_deg", "scale", "shift", "size"),
    [
        (0.0, 1.0, (100, 80), (640, 480)),
        (35.0, 0.6, (300, 90), (640, 480)),
        (-90.0, 1.2, (200, 600), (720, 1280)),
        (10.0, 6.0, (900, 200), (3840, 2160)),
        (0.0, 0.2, (15, 20), (96, 80)),
    ],
)
@pytest.mark.parametrize("point", [NOSE, 8, 36, 54])
def test_heat_on_a_landmark_is_drawn_on_that_landmark(
    landmarks, turn_deg, scale, shift, size, point
):
    points = placed(landmarks, turn_deg, scale, np.array(shift))
    width, height = size
    region = region_around(box_of(points), np.zeros((height, width, 3), np.uint8))
    heat = project_heat(spot(*landmarks[point]), estimate_similarity(points, landmarks), region)
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    result = region.to_picture @ [column, row, 1]
    assert heat.max() > 0.9
    assert result == pytest.approx(points[point], abs=1.0 / region.scale + scale)


def test_view_shows_the_region_of_the_frame(landmarks, rng):
    points = placed(landmarks, 0.0, 2.0, np.array([700.0, 300.0]))
    picture = np.zeros((1440, 2560, 3), np.uint8)
    x, y = np.rint(points[NOSE]).astype(int)
    picture[y - 3 : y + 4, x - 3 : x + 4] = 255
    region = region_around(box_of(points), picture)
    small = crop_view(picture, region)
    assert max(small.shape) <= MAX_SIDE_PX
    assert small.shape[1::-1] == region.size
    rows, columns = np.nonzero(small[..., 0] > 100)
    result = region.to_picture @ [columns.mean(), rows.mean(), 1]
    assert result == pytest.approx([x, y], abs=1.5)


def test_face_at_the_border_is_clipped_and_not_shifted(landmarks):
    points = placed(landmarks, 0.0, 1.0, np.array([-120.0, -60.0]))
    region = region_around(box_of(points), np.zeros((300, 400, 3), np.uint8))
    assert (region.left, region.top) == (0, 0)
    assert region.right <= 400
    assert region.bottom <= 300


def test_drawing_has_box_caption_and_heat_and_the_original_has_none(landmarks):
    points = placed(landmarks, 0.0, 1.0, np.array([100.0, 60.0]))
    picture = np.full((360, 480, 3), 120, np.uint8)
    drawn, original = draw_overlay(
        picture, make_candidate(points, landmarks), spot(*landmarks[NOSE])
    )
    assert drawn.shape == original.shape
    assert (original == 120).all()
    x, y = np.rint(points[NOSE]).astype(int)
    red, green, blue = drawn[y, x].astype(int)
    assert min(red, green) > 150  # the warm end of the colour map
    assert blue < 120
    left, top, right, _ = np.rint(box_of(points)).astype(int)
    assert (drawn[top, left + 20 : right - 20] > 200).all()
    assert (drawn[340:, :200] > 200).any()
    cold = drawn[200:320, 20:60]
    assert (cold == 120).all()


def test_face_without_heat_is_unchanged(landmarks):
    points = placed(landmarks, 0.0, 1.0, np.array([100.0, 60.0]))
    picture = np.full((360, 480, 3), 120, np.uint8)
    nothing = np.zeros((224, 224), np.float32)
    drawn, original = draw_overlay(picture, make_candidate(points, landmarks), nothing)
    x, y = np.rint(points[NOSE]).astype(int)
    assert np.array_equal(drawn[y - 20 : y + 20, x], original[y - 20 : y + 20, x])
