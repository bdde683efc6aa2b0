import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unmask.data.augmentation.faces import (
    PARTS,
    adjust_brightness_contrast,
    downscale_upscale,
    face_cutout,
    mirror,
)
from unmask.records import ModelInput


@pytest.fixture(scope="module")
def faces():
    return np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def landmarks():
    """Landmarks of a schematic face: jaw, brows, nose, eyes and lips."""
    rows = [(30 + 10 * i, 90 + 100 * np.sin(np.pi * i / 16)) for i in range(17)]
    rows += [(50 + 10 * i, 70) for i in range(5)] + [(125 + 10 * i, 70) for i in range(5)]
    rows += [(110, 90 + 12 * i) for i in range(4)] + [(95 + 8 * i, 132) for i in range(5)]
    for x in (75, 148):
        rows += [(x + 14 * np.cos(a), 92 + 6 * np.sin(a)) for a in np.arange(6) * np.pi / 3]
    rows += [(110 + 28 * np.cos(a), 160 + 10 * np.sin(a)) for a in np.arange(12) * np.pi / 6]
    rows += [(110 + 18 * np.cos(a), 160 + 5 * np.sin(a)) for a in np.arange(8) * np.pi / 4]
    return np.array([rows, np.array(rows) + 3], np.float32)


def a_sample(faces, landmarks):
    rng = np.random.default_rng(1)
    return ModelInput(
        faces=faces,
        flow=rng.integers(-127, 128, (2, 2, 224, 224)).astype(np.int8),
        waveform=np.zeros(0, np.float32),
        is_speech=np.zeros(0, bool),
        landmarks=landmarks,
        pose_deg=rng.normal(0, 20, (2, 3)).astype(np.float32),
    )


def test_mirroring_twice_is_the_identity(faces, landmarks):
    sample = a_sample(faces, landmarks)
    twice = mirror(mirror(sample))
    for name in ("faces", "flow", "landmarks", "pose_deg"):
        np.testing.assert_allclose(getattr(twice, name), getattr(sample, name), atol=1e-4)


def test_mirroring_reverses_horizontal_flow(faces, landmarks):
    sample = a_sample(faces, landmarks)
    mirrored = mirror(sample)
    assert np.array_equal(mirrored.faces, sample.faces[:, :, ::-1])
    assert np.array_equal(mirrored.flow[:, 0], -sample.flow[:, 0, :, ::-1])
    assert np.array_equal(mirrored.flow[:, 1], sample.flow[:, 1, :, ::-1])


@settings(max_examples=20, deadline=None)
@given(st.floats(0.8, 1.2), st.floats(-0.15, 0.15))
def test_brightness_and_contrast_follow_the_linear_formula(gain, lift):
    ramp = np.arange(256, dtype=np.uint8)[None, None, :, None].repeat(3, axis=3)
    for image in (ramp, ramp[:, :, ::-1]):  # contiguous, and with the strides of a mirrored image
        adjusted = adjust_brightness_contrast(image, gain, lift).astype(float)
        expected = np.clip((image / 255 - 0.5) * gain + 0.5 + lift, 0, 1) * 255
        assert np.abs(adjusted - expected).max() <= 0.5 + 1e-9


@pytest.mark.parametrize("scale", [0.5, 0.7, 1.3])
def test_resizing_blurs_and_keeps_the_mean(faces, scale):
    soft = downscale_upscale(faces, scale)
    assert soft.shape == faces.shape
    assert soft.mean() == pytest.approx(faces.mean(), abs=0.5)
    assert soft.astype(float).std() < faces.astype(float).std()


@pytest.mark.parametrize("part", range(len(PARTS)))
def test_cutout_has_one_colour_and_lies_inside_the_convex_hull(faces, landmarks, part):
    made = face_cutout(faces, landmarks, part)
    for before, after, points in zip(faces, made, landmarks, strict=True):
        changed = (before != after).any(axis=2)
        hull = np.zeros((224, 224), np.uint8)
        cv2.fillConvexPoly(hull, cv2.convexHull(np.rint(points).astype(np.int32)), 1)
        assert changed.any()
        assert not changed[hull == 0].any()
        assert len(np.unique(after[changed], axis=0)) == 1
        x, y = points[PARTS[part]].mean(axis=0).astype(int)
        assert changed[y - 1 : y + 2, x - 1 : x + 2].all()
