from dataclasses import replace

import numpy as np
import pytest

from unmask.data.augment import augment, mirrored
from unmask.records import Sample


def a_sample():
    rng = np.random.default_rng(0)
    return Sample(
        faces=rng.integers(60, 190, (3, 224, 224, 3), dtype=np.uint8),
        flow=rng.integers(-128, 128, (3, 2, 224, 224)).astype(np.int8),
        waveform=rng.normal(0, 0.1, 100).astype(np.float32),
        is_speech=np.ones(100, bool),
    )


def varied(count=40):
    sample = a_sample()
    return sample, [augment(sample, np.random.default_rng(seed)) for seed in range(count)]


def is_mirrored(sample, other):
    straight = np.corrcoef(sample.faces[0, ..., 0].ravel(), other.faces[0, ..., 0].ravel())[0, 1]
    return straight < 0.5


def test_about_half_are_mirrored_and_flow_is_mirrored_with_the_faces():
    sample, others = varied()
    flips = [other for other in others if is_mirrored(sample, other)]
    assert 10 < len(flips) < 30
    for other in others:
        if is_mirrored(sample, other):
            sideways = -np.maximum(sample.flow[:, 0, :, ::-1].astype(int), -127)
            assert np.array_equal(other.flow[:, 0], sideways)
            assert np.array_equal(other.flow[:, 1], sample.flow[:, 1, :, ::-1])
        else:
            assert np.array_equal(other.flow, sample.flow)


def test_landmarks_and_pose_are_mirrored_with_the_faces():
    rng = np.random.default_rng(1)
    points = rng.uniform(0, 224, (3, 68, 2)).astype(np.float32)
    sample = replace(a_sample(), landmarks=points, pose_deg=np.float32([[9.0, 4.0, -2.0]] * 3))
    turned = mirrored(sample)
    chin, left_corner, right_corner = 8, 48, 54
    assert turned.landmarks[:, chin, 0] == pytest.approx(223 - points[:, chin, 0])
    assert turned.landmarks[:, chin, 1] == pytest.approx(points[:, chin, 1])
    assert turned.landmarks[:, left_corner, 0] == pytest.approx(223 - points[:, right_corner, 0])
    assert turned.pose_deg[0].tolist() == [-9.0, 4.0, 2.0]
    back = mirrored(turned)
    assert np.array_equal(back.faces, sample.faces)
    assert back.landmarks == pytest.approx(points, abs=1e-4)


def test_brightness_and_contrast_change_alike_in_all_frames_and_keep_the_order_of_pixels():
    sample, others = varied(6)
    for other in others:
        before = sample.faces[:, :, ::-1] if is_mirrored(sample, other) else sample.faces
        levels = [set(other.faces[before == level].tolist()) for level in range(60, 190)]
        assert all(len(level) == 1 for level in levels)
        curve = [level.pop() for level in levels]
        assert sorted(curve) == curve


def test_the_sound_is_left_alone():
    sample, others = varied(5)
    assert all(np.array_equal(other.waveform, sample.waveform) for other in others)
