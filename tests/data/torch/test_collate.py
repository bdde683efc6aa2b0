from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.factories import make_clip
from unmask.config import ModelSettings
from unmask.data.torch.collate import collate_examples, make_collate_fn
from unmask.data.torch.evaluation_set import EvaluationClips, slice_frames


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


def test_targets_follow_the_labels(load):
    real, fake = make_examples(load, "real", "fake")
    desynced = replace(real, clip=replace(real.clip, is_fake=True, mismatched=True))
    whole = replace(fake, clip=replace(fake.clip, fake_video=None, fake_audio=None))
    targets = make_collate_fn(ModelSettings())([real, fake, desynced, whole]).targets
    assert targets.is_fake.tolist() == [False, True, True, True]
    assert targets.fake_video.tolist() == [False, True, False, False]
    assert targets.fake_audio.tolist() == [False, False, False, False]
    assert targets.knows_video.tolist() == targets.knows_audio.tolist() == [True] * 3 + [False]
    assert targets.landmarks is targets.pose is None


def test_frame_features_are_padded_like_the_frames(load):
    examples = [
        replace(
            example,
            samples=(slice_frames(example.samples[0], slice(frames)),),
            vectors=np.full((frames, 2), frames, np.float32),
        )
        for example, frames in zip(make_examples(load, "a", "b"), (3, 5), strict=True)
    ]
    batch = collate_examples(examples, ModelSettings())
    expected = torch.tensor([[3.0, 3.0, 3.0, 0.0, 0.0], [5.0, 5.0, 5.0, 5.0, 5.0]])
    assert torch.equal(batch.frame_features, expected[..., None].expand(-1, -1, 2))
    assert batch.frame_features.shape[1] == batch.batch.frame_mask.shape[1]
    assert batch.batch.frames.shape == (2, 5, 3, 0, 0)  # nothing looks at the pixels


def test_frame_features_are_absent_unless_every_example_has_them(load):
    first, second = make_examples(load, "a", "b")
    first = replace(first, vectors=np.zeros((20, 2), np.float32))
    batch = collate_examples([first, second], ModelSettings())
    assert batch.frame_features is None
    assert batch.batch.frames.shape[3:] == (224, 224)
