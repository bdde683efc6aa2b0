import numpy as np
import pytest

from unmask.preprocessing.align import TEMPLATE, align, similarity
from unmask.preprocessing.landmarks import five_points


def test_the_similarity_is_scikit_images():
    transform = pytest.importorskip("skimage.transform")
    rng = np.random.default_rng(4)
    for _ in range(20):
        source = rng.normal(0, 50, (5, 2))
        target = source + rng.normal(0, 10, (5, 2))
        known = transform.SimilarityTransform.from_estimate(source, target).params[:2]
        assert similarity(source, target) == pytest.approx(known, abs=1e-8)


def test_eyes_nose_and_mouth_come_to_lie_on_the_template(landmarker, astronaut, hopper):
    for picture in (astronaut, hopper):
        (face,) = landmarker.find(picture)
        aligned, points = align(picture, face.landmarks_px, 224)
        assert aligned.shape == (224, 224, 3)
        assert np.abs(five_points(points) - TEMPLATE * 224).max() < 12
        assert points.min() > 0
        assert points.max() < 224


def test_the_points_lie_on_the_aligned_face(landmarker, astronaut):
    (face,) = landmarker.find(astronaut)
    aligned, points = align(astronaut, face.landmarks_px, 224)
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
    plain, _ = align(hopper, face.landmarks_px, 224)
    other, points = align(turned, moved, 224)
    middle = np.s_[30:190, 30:190]
    assert np.abs(plain[middle].astype(int) - other[middle]).mean() < 5
    assert np.abs(points - align(hopper, face.landmarks_px, 224)[1]).max() < 0.1


def test_a_large_face_is_averaged_not_skipped_through(landmarker, astronaut):
    """Fine stripes, thinner than an output pixel, become grey and do not flicker."""
    stripes = np.zeros((3000, 3000, 3), np.uint8)
    stripes[::2] = 255
    (face,) = landmarker.find(astronaut)
    points = (face.landmarks_px - (225, 122)) * 16 + 1500
    first, _ = align(stripes, points.astype(np.float32), 224)
    second, _ = align(stripes, (points + np.array([0, 1])).astype(np.float32), 224)
    assert first[20:-20, 20:-20].std() < 20
    assert np.abs(first.astype(int) - second).mean() < 3


def test_a_face_cut_off_by_the_border_is_filled_with_black(landmarker, astronaut):
    (face,) = landmarker.find(astronaut)
    aligned, _ = align(astronaut[:, 225:], face.landmarks_px - (225, 0), 224)
    assert aligned[:, :80].max() == 0
    assert aligned[:, 150:].mean() > 20


def test_points_that_fall_together_still_give_a_picture(astronaut):
    aligned, points = align(astronaut, np.full((68, 2), 100, np.float32), 224)
    assert aligned.shape == (224, 224, 3)
    assert np.isfinite(points).all()
