from dataclasses import replace

import numpy as np
import pytest
import torch

from unmask.errors import DataError
from unmask.models.collate import collate, collate_face_targets


def test_batch_contains_the_values_of_the_samples(tiny, make_sample):
    settings = tiny.replace(flow=True)
    long, short = make_sample(3, 5000), make_sample(2, 3000)
    batch = collate([long, short], settings)
    assert batch.frames.shape == (2, 3, 3, 224, 224)
    assert batch.flow.shape == (2, 3, 2, 224, 224)
    assert float(batch.frames[1, 1, 2, 7, 9]) == pytest.approx(short.faces[1, 7, 9, 2] / 255)
    assert float(batch.flow[0, 2, 1, 7, 9]) == long.flow[2, 1, 7, 9] * 0.125
    assert np.array_equal(batch.waveform[1, :3000].numpy(), short.waveform)
    assert np.array_equal(batch.speech_mask[0].numpy(), long.is_speech)


def test_masks_count_the_frames_and_samples_of_each_sample(tiny, make_sample):
    samples = [make_sample(3, 5000), make_sample(0, 3000), make_sample(2, 0)]
    batch = collate(samples, tiny)
    assert batch.frame_mask.sum(1).tolist() == [3, 0, 2]
    assert batch.sample_mask.sum(1).tolist() == [5000, 3000, 0]
    assert batch.flow is None


def test_without_vad_mask_all_sound_counts_as_speech(tiny, make_sample):
    batch = collate([make_sample(1, 5000), make_sample(1, 3000)], tiny.replace(vad_mask=False))
    assert torch.equal(batch.speech_mask, batch.sample_mask)


def test_sample_without_face_and_sound_is_refused(tiny, make_sample):
    with pytest.raises(DataError, match="sample 1: neither"):
        collate([make_sample(1, 10), make_sample(0, 0)], tiny)


def test_empty_batch_is_refused(tiny):
    with pytest.raises(DataError, match="at least one"):
        collate([], tiny)


def test_missing_flow_error_names_the_setting(tiny, make_sample):
    with pytest.raises(DataError, match=r"preprocessing\.flow\.enabled"):
        collate([replace(make_sample(1, 10), flow=None)], tiny.replace(flow=True))


def test_frame_times_are_padded_and_numbered_by_run(tiny, make_sample):
    gap = replace(make_sample(3, 5000), times_s=np.array([0.4, 0.6, 1.6]))
    cut = replace(make_sample(2, 5000), shots=np.array([3, 5]))
    times = collate([gap, cut, make_sample(0, 3000)], tiny).frame_times
    assert times.time_s.tolist() == [
        pytest.approx([0.4, 0.6, 1.6]),
        pytest.approx([0.1, 0.3, 0.0]),
        [0.0, 0.0, 0.0],
    ]
    assert times.run.tolist() == [[0, 0, 1], [0, 1, 0], [0, 0, 0]]
    unaware = tiny.replace(frame_times=False)
    assert collate([gap, replace(gap, shots=np.array([3, 3, 3]))], unaware).frame_times is None
    shots = collate([gap, replace(gap, shots=np.array([0, 2, 2]))], unaware).frame_times
    assert shots.run.tolist() == [[0, 0, 0], [0, 1, 1]]
    torch.testing.assert_close(shots.time_s, torch.tensor([[0.0, 0.2, 0.4]] * 2))


def test_missing_frame_times_error_names_the_setting(tiny, make_sample):
    sample = replace(make_sample(3, 5000), times_s=None)
    with pytest.raises(DataError, match=r"model\.frame_times is on"):
        collate([sample], tiny)


def test_a_batch_of_one_row_is_repeated_with_its_times(tiny, make_sample):
    batch = collate([make_sample(3, 5000)], tiny.replace(flow=True)).expand(4)
    for part in (batch.frames, batch.flow, batch.waveform, *batch.frame_times):
        assert part.shape[0] == 4
        assert torch.equal(part[0], part[3])


def test_face_targets_are_normalised_and_padded(make_sample):
    points = np.random.default_rng(0).uniform(0, 224, (3, 68, 2)).astype(np.float32)
    known = replace(make_sample(3, 10), landmarks=points, pose_deg=np.float32([[45, -9, 0]] * 3))
    landmarks, pose = collate_face_targets([make_sample(0, 10), known, make_sample(4, 10)])
    assert landmarks.shape == (3, 4, 68, 2)
    assert np.allclose(landmarks[1, :3].numpy() * 224, points, atol=1e-4)
    assert pose[1, 2].tolist() == pytest.approx([0.5, -0.1, 0.0])
    for unknown in (landmarks[1, 3:], landmarks[0], pose[2], pose[0]):
        assert unknown.isnan().all()
