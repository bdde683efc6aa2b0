from dataclasses import replace

import numpy as np
import pytest

from unmask.data.forgeries.blend_mask import draw_mask
from unmask.data.forgeries.self_blending import (
    sample_self_blend,
    sample_target_change,
    self_blend_faces,
)
from unmask.data.forgeries.source_target import change_appearance, misalignment_matrix


@pytest.fixture
def clip(pair):
    return list(pair[0].frames[:6]), pair[0].landmarks[:6]


def test_either_the_target_or_the_source_is_changed(rng):
    changes = [sample_target_change(rng) for _ in range(60)]
    assert np.mean([change is None for change in changes]) == pytest.approx(0.5, abs=0.2)
    for change_source in (True, False):
        params = sample_self_blend(rng, change_source=change_source)
        assert (params.source is not None) == change_source


def test_pixels_outside_the_mask_are_those_of_the_target(clip, rng):
    originals, landmarks = clip
    change = sample_target_change(np.random.default_rng(1))
    targets = [image if change is None else change_appearance(image, change) for image in originals]
    params = sample_self_blend(rng, change_source=change is None)
    blended = self_blend_faces(targets, originals, landmarks, params, np.random.default_rng(2))
    jitter = np.random.default_rng(2)
    for target, image, points in zip(targets, blended, landmarks, strict=True):
        matrix = misalignment_matrix(points, params.misalignment, jitter)
        mask = draw_mask(points, image.shape[:2], params.mask, matrix)
        changed = (image != target).any(axis=2)
        assert changed[mask > 0.2].mean() > 0.3
        assert not changed[mask == 0].any()


def test_a_ratio_of_zero_leaves_the_targets_byte_for_byte(clip, rng):
    images, landmarks = clip
    params = sample_self_blend(rng, change_source=True)
    empty = replace(params, mask=replace(params.mask, ratio=0.0))
    unchanged = self_blend_faces(images, images, landmarks, empty, rng)
    assert all(np.array_equal(*two) for two in zip(unchanged, images, strict=True))


def test_all_frames_are_blended_alike(pair, rng):
    """Of a still picture, frames differ from each other less than from the picture."""
    image, points = pair[0].frames[0], pair[0].landmarks[:1]
    params = sample_self_blend(rng, change_source=True)
    params = replace(params, mask=replace(params.mask, ratio=1.0))
    blended = np.stack(
        self_blend_faces([image] * 4, [image] * 4, np.repeat(points, 4, axis=0), params, rng)
    ).astype(int)
    drift = np.abs(blended - blended[:1]).mean()
    assert 0 < drift < 0.3 * np.abs(blended - image).mean()
