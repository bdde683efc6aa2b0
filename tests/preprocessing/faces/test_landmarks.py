"""The 68 landmarks: mirroring, index sets and masks."""

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from unmask.preprocessing.faces import landmarks as lm
from unmask.preprocessing.faces.landmarks import MIRRORED, hull_mask, mirror_landmarks


def test_mirroring_pairs_each_point_with_one_other():
    assert sorted(MIRRORED) == list(range(68))
    assert np.array_equal(MIRRORED[MIRRORED], np.arange(68))


def test_mirrored_landmarks_agree_with_those_detected_in_the_mirrored_image(landmarker, hopper):
    (face,), (mirrored,) = landmarker.detect(hopper), landmarker.detect(hopper[:, ::-1].copy())
    expected = mirror_landmarks(face.landmarks_px, 512)
    distance_px = np.hypot(*(expected - mirrored.landmarks_px).T)
    assert distance_px.max() < 0.1 * np.ptp(face.box_px[::2])
    assert distance_px.mean() < 4


def test_mirroring_twice_changes_nothing(rng):
    points = rng.uniform(0, 224, (3, 68, 2)).astype(np.float32)
    assert mirror_landmarks(mirror_landmarks(points, 224), 224) == pytest.approx(points, abs=1e-4)


def test_index_ranges_partition_the_68_points():
    ranges = (lm.JAW, lm.BROWS, lm.NOSE, lm.LEFT_EYE, lm.RIGHT_EYE, lm.OUTER_LIPS, lm.INNER_LIPS)
    assert [n for part in ranges for n in range(68)[part]] == list(range(68))
    assert [*range(68)[lm.LEFT_EYE], *range(68)[lm.RIGHT_EYE]] == [*range(68)[lm.EYES]]
    assert [*range(68)[lm.OUTER_LIPS], *range(68)[lm.INNER_LIPS]] == [*range(68)[lm.MOUTH]]
    assert len(lm.IBUG_FROM_MESH) == len(set(lm.IBUG_FROM_MESH)) == 68


def test_index_sets_are_where_their_names_say(landmarker, hopper):
    (face,) = landmarker.detect(hopper)
    y = face.landmarks_px[:, 1]
    assert y[lm.UPPER_LIP].max() <= y[lm.LOWER_INNER_LIP] < y[lm.CHIN].min()
    assert y[lm.UPPER_INNER_LIP] <= y[lm.LOWER_LIP].min() + 1
    mouth, jaw = set(range(68)[lm.MOUTH]), set(range(68)[lm.JAW])
    assert set(lm.LOWER_LIP) | set(lm.UPPER_LIP) | {48, 54, 60, 64} == mouth
    assert set(lm.CHIN) < jaw


@pytest.mark.parametrize("size", [3, 12, 68])
def test_hull_mask_agrees_with_half_planes_of_scipy(rng, size):
    """Pixels less than 1.5 px from the border may differ, since corners are rounded."""
    columns, rows = np.meshgrid(np.arange(100), np.arange(80))
    for _ in range(20):
        points = rng.uniform(-10, 90, (size, 2)).astype(np.float32)
        planes = ConvexHull(points).equations  # normal, offset; positive outside
        outside_px = np.max([a * columns + b * rows + c for a, b, c in planes], axis=0)
        mask = hull_mask(points, (80, 100))
        assert (mask.shape, mask.dtype) == ((80, 100), np.bool_)
        assert mask[outside_px < -1.5].all()
        assert not mask[outside_px > 1.5].any()


def test_hull_mask_rounds_or_truncates_its_corners():
    square = np.array([(2.6, 2.6), (6.6, 2.6), (6.6, 6.6), (2.6, 6.6)])
    for truncate, first, last in ((False, 3, 7), (True, 2, 6)):
        expected = np.zeros((10, 10), np.bool_)
        expected[first : last + 1, first : last + 1] = True
        assert np.array_equal(hull_mask(square, (10, 10), truncate=truncate), expected)
