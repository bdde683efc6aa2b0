import numpy as np
import pytest

from unmask.preprocessing.faces.blazeface import (
    FULL_RANGE,
    SHORT_RANGE,
    FaceDetector,
    _blend_overlapping,
)

MODELS = {"full": FULL_RANGE, "short": SHORT_RANGE}


def prediction(left, top, side):
    """A box with six points in its middle, shape ``(8, 2)``."""
    corners = np.array([(left, top), (left + side, top + side)])
    return np.vstack([corners, np.repeat(corners.mean(axis=0)[None], 6, axis=0)])


@pytest.mark.parametrize("image", ["astronaut", "hopper"])
@pytest.mark.parametrize("model", MODELS)
def test_detector_agrees_with_mediapipe(request, mediapipe, image, model):
    (square,) = FaceDetector(MODELS[model], 0.5)(request.getfixturevalue(image))
    *expected, angle = mediapipe[f"{image}_{model}"]
    assert [*square.centre, square.side] == pytest.approx(expected, abs=0.5)
    assert square.angle == pytest.approx(angle, abs=0.005)


def test_only_the_full_range_detector_finds_a_small_face(astronaut):
    canvas = np.full((720, 1280, 3), 90, np.uint8)
    canvas[100:612, 400:912] = astronaut  # face 95 px wide, 7 % of the width
    assert len(FaceDetector(FULL_RANGE, 0.5)(canvas)) == 1
    assert FaceDetector(SHORT_RANGE, 0.5)(canvas) == []


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("padding", [((150, 0), (0, 0)), ((0, 0), (0, 150))])
def test_region_moves_with_the_face_in_images_of_any_shape(astronaut, model, padding):
    detector = FaceDetector(model, 0.5)
    (alone,) = detector(astronaut)
    (moved,) = detector(np.pad(astronaut, (*padding, (0, 0)), constant_values=90))
    offset = np.array([padding[1][0], padding[0][0]])
    assert np.hypot(*(moved.centre - offset - alone.centre)) < 0.1 * alone.side
    assert moved.side == pytest.approx(alone.side, rel=0.15)


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_detections_below_the_confidence_are_dropped(astronaut, model):
    assert FaceDetector(model, 0.99)(astronaut) == []


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_a_blank_image_has_no_face(astronaut, model):
    assert FaceDetector(model, 0.5)(np.full_like(astronaut, 90)) == []


def test_anchors_are_the_centres_of_the_cells_row_by_row():
    anchors = SHORT_RANGE.anchors()
    assert anchors.shape == (896, 2)
    assert anchors[[0, 1, 2]] * 128 == pytest.approx(np.array([(4, 4), (4, 4), (12, 4)]))
    assert anchors[16 * 2] * 128 == pytest.approx((4, 12))
    assert anchors[[512, 517, 518]] * 128 == pytest.approx(np.array([(8, 8), (8, 8), (24, 8)]))
    assert FULL_RANGE.anchors().shape == (2304, 2)


def test_overlapping_predictions_are_averaged_by_their_scores():
    points = np.stack([prediction(0.0, 0.0, 1.0), prediction(5.0, 5.0, 1.0), prediction(0.2, 0, 1)])
    (first, blended), (second, alone) = _blend_overlapping(points, np.array([0.6, 0.7, 0.9]))
    assert (first, second) == (0.9, 0.7)
    assert blended == pytest.approx(0.4 * points[0] + 0.6 * points[2])
    assert alone == pytest.approx(points[1])


def test_predictions_that_hardly_overlap_stay_apart():
    points = np.stack([prediction(0.0, 0.0, 1.0), prediction(0.6, 0.0, 1.0)])  # IoU 0.25
    assert len(list(_blend_overlapping(points, np.array([0.8, 0.8])))) == 2


def test_nothing_is_blended_from_no_predictions():
    assert list(_blend_overlapping(np.empty((0, 8, 2)), np.empty(0))) == []
