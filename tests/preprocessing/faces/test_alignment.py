"""Alignment of faces."""

import numpy as np
import pytest

from unmask.preprocessing.faces.alignment import (
    BOX_MARGIN,
    TEMPLATE,
    align_face,
    crop_box,
    estimate_similarity,
)
from unmask.preprocessing.faces.landmarks import five_points


def test_similarity_agrees_with_scikit_image():
    transform = pytest.importorskip("skimage.transform")
    rng = np.random.default_rng(4)
    for _ in range(20):
        source = rng.normal(0, 50, (5, 2))
        target = source + rng.normal(0, 10, (5, 2))
        expected = transform.SimilarityTransform.from_estimate(source, target).params[:2]
        assert estimate_similarity(source, target) == pytest.approx(expected, abs=1e-8)


def test_eyes_nose_and_mouth_are_aligned_to_the_template(landmarker, astronaut, hopper):
    for image in (astronaut, hopper):
        (face,) = landmarker.detect(image)
        aligned, points = align_face(image, face.landmarks_px, 224)
        assert aligned.shape == (224, 224, 3)
        assert np.abs(five_points(points) - TEMPLATE * 224).max() < 12
        assert points.min() > 0
        assert points.max() < 224


def test_landmarks_are_transformed_with_the_face(landmarker, astronaut):
    (face,) = landmarker.detect(astronaut)
    aligned, points = align_face(astronaut, face.landmarks_px, 224)
    (detected,) = landmarker.detect(aligned)
    assert np.hypot(*(detected.landmarks_px - points).T).mean() < 4


@pytest.mark.parametrize(("degrees", "scale"), [(0, 2.5), (30, 1.0), (-15, 4.0)])
def test_aligned_face_does_not_depend_on_rotation_and_scale(landmarker, hopper, degrees, scale):
    cv2 = pytest.importorskip("cv2")
    (face,) = landmarker.detect(hopper)
    rotation = cv2.getRotationMatrix2D((256, 230), degrees, scale)
    rotation[:, 2] += 300 * scale - rotation[:, :2] @ (256, 230) - rotation[:, 2]
    side = round(600 * scale)
    rotated = cv2.warpAffine(hopper, rotation, (side, side), flags=cv2.INTER_CUBIC)
    moved = (face.landmarks_px @ rotation[:, :2].T + rotation[:, 2]).astype(np.float32)
    expected, _ = align_face(hopper, face.landmarks_px, 224)
    other, points = align_face(rotated, moved, 224)
    middle = np.s_[30:190, 30:190]
    assert np.abs(expected[middle].astype(int) - other[middle]).mean() < 5
    assert np.abs(points - align_face(hopper, face.landmarks_px, 224)[1]).max() < 0.1


def test_large_face_is_averaged_without_aliasing(landmarker, astronaut):
    """Stripes thinner than an output pixel become grey and do not flicker."""
    stripes = np.zeros((3000, 3000, 3), np.uint8)
    stripes[::2] = 255
    (face,) = landmarker.detect(astronaut)
    points = (face.landmarks_px - (225, 122)) * 16 + 1500
    first, _ = align_face(stripes, points.astype(np.float32), 224)
    second, _ = align_face(stripes, (points + np.array([0, 1])).astype(np.float32), 224)
    assert first[20:-20, 20:-20].std() < 20
    assert np.abs(first.astype(int) - second).mean() < 3


def test_face_beyond_the_border_is_padded_with_black(landmarker, astronaut):
    (face,) = landmarker.detect(astronaut)
    aligned, _ = align_face(astronaut[:, 225:], face.landmarks_px - (225, 0), 224)
    assert aligned[:, :80].max() == 0
    assert aligned[:, 150:].mean() > 20


def test_coincident_landmarks_give_a_finite_crop(astronaut):
    aligned, points = align_face(astronaut, np.full((68, 2), 100, np.float32), 224)
    assert aligned.shape == (224, 224, 3)
    assert np.isfinite(points).all()


def test_box_crop_is_the_scaled_square_around_the_box(landmarker, hopper):
    (face,) = landmarker.detect(hopper)
    left, top, right, bottom = face.box_px
    side = max(right - left, bottom - top) * BOX_MARGIN
    crop, points = crop_box(hopper, face.box_px, face.landmarks_px, 224)
    start = np.array([(left + right) / 2, (top + bottom) / 2]) - side / 2
    assert np.abs(points - (face.landmarks_px - start) * 224 / side).max() < 1e-3
    cv2 = pytest.importorskip("cv2")
    column, row = np.round(start).astype(int)
    expected = hopper[row : row + round(side), column : column + round(side)]
    expected = cv2.resize(expected, (224, 224), interpolation=cv2.INTER_AREA)
    # blurred, since the slice starts at a whole pixel, unlike the crop
    soft, target = (
        cv2.GaussianBlur(face.astype(np.float32), (0, 0), 3) for face in (crop, expected)
    )
    shifted = np.roll(target, 4, axis=1)
    far, near = (np.abs(soft - face)[8:-8, 8:-8].mean() for face in (shifted, target))
    assert near < 3
    assert near < far / 2


def test_alignment_rotates_a_face_upright_and_box_crop_does_not(landmarker, hopper):
    cv2 = pytest.importorskip("cv2")
    rotation = cv2.getRotationMatrix2D((256, 230), 20, 1.0)
    rotated = cv2.warpAffine(hopper, rotation, (512, 600))
    (face,) = landmarker.detect(rotated)
    slopes = []
    for points in (
        crop_box(rotated, face.box_px, face.landmarks_px, 224)[1],
        align_face(rotated, face.landmarks_px, 224)[1],
    ):
        across = five_points(points)[1] - five_points(points)[0]
        slopes.append(abs(np.degrees(np.arctan2(across[1], across[0]))))
    assert slopes[0] > 15
    assert slopes[1] < 5


def test_landmarks_are_transformed_with_the_box_crop(landmarker, astronaut):
    cv2 = pytest.importorskip("cv2")
    large = cv2.resize(astronaut, None, fx=8, fy=8, interpolation=cv2.INTER_CUBIC)
    (face,) = landmarker.detect(astronaut)
    crop, points = crop_box(large, face.box_px * 8, face.landmarks_px * 8, 224)
    (detected,) = landmarker.detect(crop)
    assert np.hypot(*(detected.landmarks_px - points).T).mean() < 4


def test_empty_box_gives_a_finite_crop(astronaut):
    crop, points = crop_box(astronaut, np.full(4, 9.0), np.full((68, 2), 9, np.float32), 224)
    assert crop.shape == (224, 224, 3)
    assert np.isfinite(points).all()
