import numpy as np
import pytest

from unmask.data.forgeries.faces import (
    blend,
    closest_donor,
    face_mask,
    sample_blend_params,
    self_blend,
    swap_face,
)


def test_closest_donor_ignores_position_and_size(pair):
    donor = pair[1].landmarks
    for index in (0, 7, 20):
        moved = donor[index] * 1.7 + (30, -12)
        assert closest_donor(moved, donor) == index


def test_face_mask_is_one_inside_and_zero_far_outside(pair):
    points = pair[0].landmarks[0]
    mask = face_mask((256, 256), points, inset=0.0, feather=0.01)
    x, y = points.mean(axis=0).astype(int)
    assert mask[y, x] == pytest.approx(1, abs=0.01)
    assert (mask.min(), mask.max()) == (0, pytest.approx(1))
    low, high = points.min(axis=0) - 10, points.max(axis=0) + 10
    rows, columns = np.nonzero(mask)
    assert low[0] <= columns.min() <= columns.max() <= high[0]
    assert low[1] <= rows.min() <= rows.max() <= high[1]


def test_larger_inset_gives_a_smaller_mask(pair):
    points = pair[0].landmarks[0]
    areas = [face_mask((256, 256), points, inset, 0.02).sum() for inset in (0.0, 0.05, 0.1)]
    assert areas[0] > areas[1] > areas[2]


def test_blend_weights_the_two_images(rng):
    frame, inside = rng.integers(0, 256, (2, 8, 8, 3)).astype(np.uint8)
    mask = np.zeros((8, 8), np.float32)
    mask[:, 4:6], mask[:, 6:] = 0.5, 1.0
    blended = blend(frame, inside, mask)
    assert np.array_equal(blended[:, :4], frame[:, :4])
    assert np.array_equal(blended[:, 6:], inside[:, 6:])
    mean = (frame[:, 4:6].astype(float) + inside[:, 4:6]) / 2
    assert np.abs(blended[:, 4:6] - mean).max() <= 0.5


def test_self_blend_repeats_for_a_seed_and_changes_only_the_mask(pair):
    frame, points = pair[0].frames[0], pair[0].landmarks[0]
    params = sample_blend_params(100.0, np.random.default_rng(1))
    first, repeated = (
        self_blend(frame, points, params, np.random.default_rng(2)) for _ in range(2)
    )
    assert np.array_equal(first, repeated)
    mask = face_mask(frame.shape[:2], points, params.inset, params.feather)
    changed = (first != frame).any(axis=2)
    assert changed.any()
    assert not changed[mask == 0].any()


def test_swapped_face_has_the_donors_features_in_the_targets_colours(pair):
    target, donor = pair
    points = target.landmarks[0]
    swapped = swap_face(target.frames[0], points, donor.frames[0], donor.landmarks[0])
    mask = face_mask((256, 256), points, 0.05, 0.03) > 0.9
    means = [frame[mask].mean(axis=0) for frame in (swapped, target.frames[0])]
    assert means[0] == pytest.approx(means[1], abs=6)
    assert np.abs(swapped[mask].astype(int) - target.frames[0][mask]).mean() > 2
