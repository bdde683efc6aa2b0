from dataclasses import replace

import numpy as np
import pytest

from unmask.data.forgeries.blend_mask import (
    FACE,
    FEATURES,
    FOREHEAD_TOO,
    LOWER_FACE,
    OUTLINES,
    RATIOS,
    draw_mask,
    sample_mask_shape,
)
from unmask.preprocessing.faces.landmarks import BROWS, hull_mask

SIZE = (256, 256)


@pytest.fixture
def points(pair):
    return pair[0].landmarks[0]


def undeformed(rng, outline, kernels_px=(5, 5)):
    shape = sample_mask_shape(rng, outline)
    return replace(
        shape,
        displacement=np.zeros((68, 2)),
        elastic_px=np.zeros_like(shape.elastic_px),
        kernels_px=kernels_px,
        ratio=1.0,
    )


def test_all_outlines_and_the_published_ratios_are_drawn(rng):
    shapes = [sample_mask_shape(rng) for _ in range(120)]
    assert {shape.outline for shape in shapes} == set(OUTLINES)
    assert {shape.ratio for shape in shapes} == set(RATIOS)
    assert np.mean([shape.ratio == 1 for shape in shapes]) == pytest.approx(0.5, abs=0.15)
    firsts, seconds = zip(*(shape.kernels_px for shape in shapes), strict=True)
    assert min(firsts) < min(seconds) + 4
    assert {size % 2 for size in firsts + seconds} == {1}


def test_the_mask_without_deformation_is_the_hull_up_to_its_edge(points, rng):
    mask = draw_mask(points, SIZE, undeformed(rng, FACE))
    hull = hull_mask(points, SIZE)
    assert (mask.min(), mask.max()) == (0, pytest.approx(1))
    assert np.mean((mask > 0.5) != hull) < 0.02


def test_a_larger_first_kernel_shrinks_and_a_larger_second_one_widens(points, rng):
    shape = undeformed(rng, FACE)
    small, narrow, wide = (
        (draw_mask(points, SIZE, replace(shape, kernels_px=kernels, sigma_px=20)) > 0.02).sum()
        for kernels in ((25, 5), (5, 5), (5, 25))
    )
    assert small < narrow < wide


def test_a_face_smaller_than_the_kernel_still_has_a_mask(points, rng):
    thin = points * (0.02, 1.0) + (120, 0)
    shape = undeformed(rng, FACE, kernels_px=(25, 5))
    assert draw_mask(thin, SIZE, shape).max() > 0.9
    shape = undeformed(rng, LOWER_FACE, kernels_px=(25, 25))
    assert draw_mask(points, SIZE, shape).max() > 0.9


def test_outlines_differ_in_what_is_inside(points, rng):
    forehead, face, features, lower = (
        draw_mask(points, SIZE, undeformed(rng, outline)) > 0.5
        for outline in (FOREHEAD_TOO, FACE, FEATURES, LOWER_FACE)
    )
    above_brows = points[BROWS].min(axis=0)[1] - 0.1 * np.ptp(points[:, 1])
    rows = np.arange(SIZE[0])[:, None]
    assert forehead[rows[:, 0] < above_brows].any()
    assert not face[rows[:, 0] < above_brows].any()
    assert features.sum() < face.sum() < forehead.sum()
    assert not lower[rows[:, 0] < points[33, 1] - 2].any()  # nothing above the base of the nose
    x, y = points[48:68].mean(axis=0).astype(int)
    assert lower[y, x]


def test_the_seam_of_the_lower_face_is_at_the_jaw(points, rng):
    for _ in range(10):
        mask = draw_mask(points, SIZE, sample_mask_shape(rng, LOWER_FACE))
        x, bottom = points[8]
        edge = np.flatnonzero(mask[:, round(x)] > 0.5).max()
        assert edge == pytest.approx(bottom, abs=0.12 * np.ptp(points[:, 1]))
        assert mask.max() == pytest.approx(1, abs=0.01)


def test_an_elastic_deformation_changes_the_border_alone(points, rng):
    shape = undeformed(rng, FACE)
    elastic_px = sample_mask_shape(rng, FACE).elastic_px
    shape = replace(shape, elastic_px=np.zeros_like(elastic_px))
    plain = draw_mask(points, SIZE, shape)
    bent = draw_mask(points, SIZE, replace(shape, elastic_px=elastic_px))
    assert not np.allclose(plain, bent)
    assert 0.3 < elastic_px.std() < 3
    sure = (plain > 0.999) & hull_mask(points * 0.6 + 0.4 * points.mean(axis=0), SIZE)
    assert bent[sure].min() > 0.99


def test_the_mask_moves_with_the_source(points, rng):
    shape = undeformed(rng, FACE)
    moved = draw_mask(points, SIZE, shape, np.array([[1.0, 0, 6], [0, 1, -4]]))
    expected = np.roll(draw_mask(points, SIZE, shape), (-4, 6), axis=(0, 1))
    assert np.abs(moved - expected).mean() < 0.01
