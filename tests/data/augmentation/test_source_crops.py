"""The path that genuine and forged crops share, from the file's frame to the aligned face."""

from dataclasses import replace

import numpy as np
import pytest

from unmask.config import AugmentationSettings
from unmask.data.augmentation.policy import sample_augmentation
from unmask.data.augmentation.source_crops import align_crops, degrade_crops, without_degradation
from unmask.data.forgeries.self_blending import sample_self_blend, self_blend_faces
from unmask.preprocessing.faces.alignment import face_matrix
from unmask.preprocessing.faces.optical_flow import face_flow
from unmask.records import ModelInput

ALWAYS = AugmentationSettings(codec=1.0, resize=1.0)


@pytest.fixture(scope="module")
def clip():
    """Four frames of a synthetic person, 256 px, and their landmarks."""
    from unmask.data.demo.recording import record, sample_identity

    rng = np.random.default_rng(5)
    footage = record(sample_identity("one", rng), 1.0, rng)
    return list(footage.frames[:4]), footage.landmarks[:4]


@pytest.fixture(scope="module")
def matrices(clip):
    return np.array([face_matrix(points.astype(np.float32), 224) for points in clip[1]])


def render(crops, matrices, params, shots=None):
    sample = ModelInput(
        np.zeros((len(crops), 224, 224, 3), np.uint8),
        np.zeros((len(crops), 2, 224, 224), np.int8),
        np.zeros(0, np.float32),
        np.zeros(0, bool),
        shots=shots,
    )
    degraded, moved = degrade_crops(crops, matrices, params)
    return align_crops(sample, degraded, moved, np.arange(len(crops)) / 5)


def blend_clip(clip, ratio):
    images, landmarks = clip
    rng = np.random.default_rng(3)
    params = sample_self_blend(rng, change_source=True)
    params = replace(params, mask=replace(params.mask, ratio=ratio))
    return self_blend_faces(images, images, landmarks, params, rng)


@pytest.mark.parametrize("codec", ["jpeg", "h264", None])
def test_with_an_empty_mask_both_of_a_pair_are_equal_byte_for_byte(clip, matrices, codec):
    params = sample_augmentation(ALWAYS, np.random.default_rng(1))
    params = replace(params, image=(codec, 30) if codec else None)
    genuine = render(clip[0], matrices, params)
    forged = render(blend_clip(clip, 0.0), matrices, params)
    assert genuine.faces.tobytes() == forged.faces.tobytes()
    assert genuine.flow.tobytes() == forged.flow.tobytes()


@pytest.mark.parametrize("image", [("jpeg", 60), ("h264", 26)])
def test_statistics_outside_the_mask_are_equal(clip, matrices, image):
    """Brightness, contrast and fine detail of the surroundings do not tell a pair apart."""
    params = sample_augmentation(ALWAYS, np.random.default_rng(1))
    params = replace(params, image=image, scale=0.8)
    pair = [render(crops, matrices, params).faces for crops in (clip[0], blend_clip(clip, 1.0))]
    assert np.abs(pair[0].astype(int) - pair[1])[:, 80:150, 80:150].mean() > 2
    statistics = []
    for faces in pair:
        border = faces[:, :, :24].astype(float)  # left of the face and of its mask
        detail = np.diff(border, axis=2)
        statistics.append([border.mean(), border.std(), detail.std()])
    assert statistics[0] == pytest.approx(statistics[1], rel=0.01)


@pytest.mark.parametrize("scale", [0.6, 1.4])
def test_resized_crops_align_to_the_same_place(matrices, scale):
    """The centre of mass of a spot is where the matrix of the crop puts it."""
    y, x = np.mgrid[:256, :256]
    spot = 250 * np.exp(-((x - 120.3) ** 2 + (y - 110.7) ** 2) / 200)
    crops = [np.repeat(spot.astype(np.uint8)[..., None], 3, axis=2)]
    params = replace(sample_augmentation(ALWAYS, np.random.default_rng(1)), scale=scale, image=None)
    aligned = render(crops, matrices[:1], params).faces[0, ..., 0].astype(float)
    rows, columns = np.mgrid[:224, :224]
    centre = [(aligned * axis).sum() / aligned.sum() for axis in (columns, rows)]
    assert centre == pytest.approx(matrices[0] @ (120.3, 110.7, 1), abs=0.02)


def test_flow_is_that_of_the_aligned_faces_but_for_the_first(clip, matrices):
    params = sample_augmentation(ALWAYS, np.random.default_rng(2))
    sample = render(clip[0], matrices, params)
    assert np.array_equal(sample.flow[1:], face_flow(sample.faces, np.arange(4) / 5)[1:])
    assert not sample.flow[0].any()


def test_degraded_crops_are_not_degraded_again_after_alignment():
    params = sample_augmentation(ALWAYS, np.random.default_rng(2))
    remaining = without_degradation(params)
    assert params.scale is not None
    assert params.image is not None
    assert (remaining.scale, remaining.video) == (None, None)
    assert remaining.audio == params.audio


def test_flow_of_aligned_faces_is_zero_at_a_cut(clip, matrices):
    params = sample_augmentation(ALWAYS, np.random.default_rng(2))
    whole = render(clip[0], matrices, params).flow
    cut = render(clip[0], matrices, params, np.array([0, 0, 1, 1])).flow
    assert whole[2].any()
    assert not cut[2].any()
    assert np.array_equal(cut[[0, 1, 3]], whole[[0, 1, 3]])
