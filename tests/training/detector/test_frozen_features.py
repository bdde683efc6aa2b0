from dataclasses import replace

import numpy as np
import pytest
import torch

from unmask.config import PreprocessingSettings, TrainingSettings
from unmask.data.torch.collate import collate_examples
from unmask.data.torch.evaluation_set import EvaluationClips
from unmask.models.backbones.frame_encoder import FrameEncoder
from unmask.models.bundle import Bundle
from unmask.models.calibration.platt import Calibration
from unmask.models.detector import Detector
from unmask.preprocessing.cache import Cache
from unmask.training.detector.fit import FrozenFrameEncoder, can_cache_face_features, fit
from unmask.training.detector.frozen_features import encode_faces, extract_face_features
from unmask.training.detector.trainer import HISTORY

CPU = torch.device("cpu")


@pytest.fixture
def base(tiny_settings):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        detector = Detector(tiny_settings.model).eval()
    return Bundle((detector,), PreprocessingSettings(), Calibration(), 3, "demo")


@pytest.fixture
def load(toy_load):
    """Features whose cache key is the clip's name."""

    def load_features(clip):
        features = toy_load(clip)
        return replace(features, info=replace(features.info, sha256=clip.clip_id))

    return load_features


@pytest.fixture
def encoded_frames(monkeypatch):
    """Number of frames in each call of a frame encoder."""
    counts, forward = [], FrameEncoder.forward

    def count(self, frames, flow):
        counts.append(len(frames))
        return forward(self, frames, flow)

    monkeypatch.setattr(FrameEncoder, "forward", count)
    return counts


def test_features_are_those_that_the_encoder_gives_the_same_frames(base, toy_clips, toy_load):
    clips = toy_clips[:3]
    vectors = extract_face_features(base, clips, toy_load, None, CPU)
    examples = list(EvaluationClips(clips, toy_load, 2, vectors))
    batch = collate_examples(examples, base.settings)
    with torch.inference_mode():
        expected = base.first_member.encode_frames(batch.batch)
    torch.testing.assert_close(batch.frame_features, expected, atol=1e-5, rtol=1e-4)


def test_features_are_read_from_the_cache_the_second_time(
    base, toy_clips, load, tmp_path, encoded_frames
):
    cache = Cache(tmp_path / "cache")
    first = extract_face_features(base, toy_clips[:2], load, cache, CPU)
    assert encoded_frames == [5, 5]
    second = extract_face_features(base, toy_clips[:2], load, cache, CPU)
    assert encoded_frames == [5, 5]
    assert first.keys() == second.keys() == {"train-0", "train-1"}
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_clips_that_cannot_be_used_have_no_features(base, toy_clips, toy_load, rename_clip):
    clips = rename_clip(toy_clips, "train", 0, "broken")
    clips = rename_clip(clips, "train", 1, "faceless-silent")
    vectors = extract_face_features(base, clips[:3], toy_load, None, CPU)
    assert list(vectors) == ["train-2"]


def test_a_clip_without_a_face_has_no_frames_to_encode(base, toy_clips, toy_load, rename_clip):
    clips = rename_clip(toy_clips, "train", 0, "faceless")
    vectors = extract_face_features(base, clips[:1], toy_load, None, CPU)
    assert vectors["faceless-train-0"].shape == (0, base.settings.frame_dim)


def test_faces_are_encoded_in_float32(base, toy_clips, toy_load):
    sample = next(iter(EvaluationClips(toy_clips[:1], toy_load))).samples[0]
    vectors = encode_faces(base.first_member, sample)
    assert (vectors.shape, vectors.dtype) == ((5, base.settings.frame_dim), np.float32)


def test_further_members_encode_no_face_again(
    toy_clips, load, tiny_settings, tmp_path, encoded_frames
):
    first = fit(toy_clips, tiny_settings, load, tmp_path)
    encoded_frames.clear()
    cache = Cache(tmp_path / "cache")

    def fit_member(seed):
        settings = tiny_settings.replace(seed=seed)
        frozen = FrozenFrameEncoder(first, cache)
        return (
            fit(toy_clips, settings, load, tmp_path, frozen=frozen).parent / HISTORY
        ).read_text()

    second = fit_member(8)
    fitted = [clip for clip in toy_clips if clip.split != "test"]
    expected = sum(len(load(clip).people[0].faces) for clip in fitted)
    assert sum(encoded_frames) == expected
    third = fit_member(9)
    assert sum(encoded_frames) == expected
    assert second != third


@pytest.mark.parametrize("change", [{"fake_source": "both"}, {"adversarial_epsilon": 0.05}])
def test_faces_that_training_changes_cannot_be_encoded_beforehand(change):
    assert can_cache_face_features(TrainingSettings())
    assert not can_cache_face_features(TrainingSettings(**change))
