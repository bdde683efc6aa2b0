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


def test_the_similarity_is_scikit_images():
    transform = pytest.importorskip("skimage.transform")
    rng = np.random.default_rng(4)
    for _ in range(20):
        source = rng.normal(0, 50, (5, 2))
        target = source + rng.normal(0, 10, (5, 2))
        known = transform.SimilarityTransform.from_estimate(source, target).params[:2]
        assert estimate_similarity(source, target) == pytest.approx(known, abs=1e-8)


def test_eyes_nose_and_mouth_come_to_lie_on_the_template(landmarker, astronaut, hopper):
    for picture in (astronaut, hopper):
        (face,) = landmarker.find(picture)
        aligned, points = align_face(picture, face.landmarks_px, 224)
        assert aligned.shape == (224, 224, 3)
        assert np.abs(five_points(points) - TEMPLATE * 224).max() < 12
        assert points.min() > 0
        assert points.max() < 224


def test_the_points_lie_on_the_aligned_face(landmarker, astronaut):
    (face,) = landmarker.find(astronaut)
    aligned, points = align_face(astronaut, face.landmarks_px, 224)
    (again,) = landmarker.find(aligned)
    assert np.hypot(*(again.landmarks_px - points).T).mean() < 4


@pytest.mark.parametrize(("degrees", "scale"), [(0, 2.5), (30, 1.0), (-15, 4.0)])
def test_the_face_looks_the_same_however_it_was_turned_and_scaled(
    landmarker, hopper, degrees, scale
):
    cv2 = pytest.importorskip("cv2")
    (face,) = landmarker.find(hopper)
    turn = cv2.getRotationMatrix2D((256, 230), degrees, scale)
    turn[:, 2] += 300 * scale - turn[:, :2] @ (256, 230) - turn[:, 2]
    side = round(600 * scale)
    turned = cv2.warpAffine(hopper, turn, (side, side), flags=cv2.INTER_CUBIC)
    moved = (face.landmarks_px @ turn[:, :2].T + turn[:, 2]).astype(np.float32)
    plain, _ = align_face(hopper, face.landmarks_px, 224)
    other, points = align_face(turned, moved, 224)
    middle = np.s_[30:190, 30:190]
    assert np.abs(plain[middle].astype(int) - other[middle]).mean() < 5
    assert np.abs(points - align_face(hopper, face.landmarks_px, 224)[1]).max() < 0.1


def test_a_large_face_is_averaged_not_skipped_through(landmarker, astronaut):
    """Fine stripes, thinner than an output pixel, become grey and do not flicker."""
    stripes = np.zeros((3000, 3000, 3), np.uint8)
    stripes[::2] = 255
    (face,) = landmarker.find(astronaut)
    points = (face.landmarks_px - (225, 122)) * 16 + 1500
    first, _ = align_face(stripes, points.astype(np.float32), 224)
    second, _ = align_face(stripes, (points + np.array([0, 1])).astype(np.float32), 224)
    assert first[20:-20, 20:-20].std() < 20
    assert np.abs(first.astype(int) - second).mean() < 3


def test_a_face_cut_off_by_the_border_is_filled_with_black(landmarker, astronaut):
    (face,) = landmarker.find(astronaut)
    aligned, _ = align_face(astronaut[:, 225:], face.landmarks_px - (225, 0), 224)
    assert aligned[:, :80].max() == 0
    assert aligned[:, 150:].mean() > 20


def test_points_that_fall_together_still_give_a_picture(astronaut):
    aligned, points = align_face(astronaut, np.full((68, 2), 100, np.float32), 224)
    assert aligned.shape == (224, 224, 3)
    assert np.isfinite(points).all()


def test_a_cut_out_face_is_the_picture_around_its_box_as_it_stands(landmarker, hopper):
    (face,) = landmarker.find(hopper)
    left, top, right, bottom = face.box_px
    side = max(right - left, bottom - top) * BOX_MARGIN
    crop, points = crop_box(hopper, face.box_px, face.landmarks_px, 224)
    start = np.array([(left + right) / 2, (top + bottom) / 2]) - side / 2
    assert np.abs(points - (face.landmarks_px - start) * 224 / side).max() < 1e-3
    cv2 = pytest.importorskip("cv2")
    column, row = np.round(start).astype(int)
    plain = hopper[row : row + round(side), column : column + round(side)]
    plain = cv2.resize(plain, (224, 224), interpolation=cv2.INTER_AREA)
    # blurred, since the slice begins at a whole pixel and the crop need not
    soft, expected = (cv2.GaussianBlur(one.astype(np.float32), (0, 0), 3) for one in (crop, plain))
    aside = np.roll(expected, 4, axis=1)
    far, near = (np.abs(soft - one)[8:-8, 8:-8].mean() for one in (aside, expected))
    assert near < 3
    assert near < far / 2


def test_cutting_out_does_not_turn_a_face_upright_and_aligning_does(landmarker, hopper):
    cv2 = pytest.importorskip("cv2")
    turn = cv2.getRotationMatrix2D((256, 230), 20, 1.0)
    turned = cv2.warpAffine(hopper, turn, (512, 600))
    (face,) = landmarker.find(turned)
    slopes = []
    for points in (
        crop_box(turned, face.box_px, face.landmarks_px, 224)[1],
        align_face(turned, face.landmarks_px, 224)[1],
    ):
        across = five_points(points)[1] - five_points(points)[0]
        slopes.append(abs(np.degrees(np.arctan2(across[1], across[0]))))
    assert slopes[0] > 15
    assert slopes[1] < 5


def test_the_points_of_a_large_cut_out_face_lie_on_it(landmarker, astronaut):
    cv2 = pytest.importorskip("cv2")
    large = cv2.resize(astronaut, None, fx=8, fy=8, interpolation=cv2.INTER_CUBIC)
    (face,) = landmarker.find(astronaut)
    crop, points = crop_box(large, face.box_px * 8, face.landmarks_px * 8, 224)
    (again,) = landmarker.find(crop)
    assert np.hypot(*(again.landmarks_px - points).T).mean() < 4


def test_an_empty_box_still_gives_a_picture(astronaut):
    crop, points = crop_box(astronaut, np.full(4, 9.0), np.full((68, 2), 9, np.float32), 224)
    assert crop.shape == (224, 224, 3)
    assert np.isfinite(points).all()
