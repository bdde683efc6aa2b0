from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.factories import make_clip
from unmask.config import ModelSettings
from unmask.data.torch.collate import collate_examples, make_collate_fn
from unmask.data.torch.evaluation_set import EvaluationClips


def make_examples(load, *names):
    clips = [make_clip(clip_id=name, fake_video=name.startswith("fake")) for name in names]
    data = EvaluationClips(clips, load)
    return [data[index] for index in range(len(clips))]


@pytest.mark.parametrize(
    ("name", "problem"), [("broken", "cannot be decoded"), ("faceless-mute", "neither a face")]
)
def test_unusable_example_is_listed_as_problem_and_left_out_of_the_batch(load, name, problem):
    batch = collate_examples(make_examples(load, "good", name), ModelSettings())
    assert [clip.clip_id for clip in batch.clips] == ["good"]
    assert len(batch.batch.frames) == len(batch.targets.fake_video) == 1
    ((clip_id, reason),) = batch.problems
    assert clip_id == name
    assert problem in reason


def test_batch_of_unusable_examples_has_problems_only(load):
    batch = collate_examples(make_examples(load, "broken"), ModelSettings())
    assert batch.batch is None
    assert batch.frame_features is None
    assert [clip_id for clip_id, _ in batch.problems] == ["broken"]


def test_targets_follow_labels_and_mismatch(load):
    real, fake = make_examples(load, "real", "fake")
    desynced = replace(real, mismatched=True)
    targets = make_collate_fn(ModelSettings())([real, fake, desynced]).targets
    assert targets.fake_video.tolist() == [False, True, False]
    assert targets.fake_audio.tolist() == [False, False, False]
    assert targets.mismatched.tolist() == [False, False, True]
    assert targets.landmarks is targets.pose is None


def test_frame_features_are_padded_like_the_frames(load):
    short, long = make_examples(load, "a", "b")
    (sample,) = short.samples
    short = replace(short, samples=(replace(sample, faces=sample.faces[:3], flow=None),))
    (sample,) = long.samples
    long = replace(long, samples=(replace(sample, faces=sample.faces[:5], flow=None),))
    vectors = [np.full((3, 2), 1.0, np.float32), np.full((5, 2), 2.0, np.float32)]
    examples = [
        replace(example, vectors=rows) for example, rows in zip((short, long), vectors, strict=True)
    ]
    batch = collate_examples(examples, ModelSettings())
    expected = torch.tensor([[1.0, 1.0, 1.0, 0.0, 0.0], [2.0, 2.0, 2.0, 2.0, 2.0]])
    assert torch.equal(batch.frame_features, expected[..., None].expand(-1, -1, 2))
    assert batch.frame_features.shape[1] == batch.batch.frame_mask.shape[1]


def test_frame_features_are_absent_unless_every_example_has_them(load):
    first, second = make_examples(load, "a", "b")
    first = replace(first, vectors=np.zeros((20, 2), np.float32))
    assert collate_examples([first, second], ModelSettings()).frame_features is None
