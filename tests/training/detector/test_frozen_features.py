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
from unmask.training.detector import fit as fit_module
from unmask.training.detector import frozen_features
from unmask.training.detector.fit import FrameEncoderSource, fit, has_fixed_face_features
from unmask.training.detector.frozen_features import (
    cached_features,
    encode_faces,
    extract_face_features,
    extract_fixed_stage,
)
from unmask.training.detector.trainer import HISTORY
from unmask.training.score_clips import score_usable_clips
from unmask.training.score_frames import score_videos

CPU = torch.device("cpu")


def frozen_transformer(settings, blocks):
    """Return settings of a transformer that is not trained."""
    return settings.replace(
        frame_backbone="test_vit", input_px=32, trainable="none", frame_blocks=blocks
    )


@pytest.fixture(params=["convolutions", "transformer"])
def base(tiny_settings, request):
    model = tiny_settings.model
    if request.param == "transformer":
        model = frozen_transformer(model, (1, 2))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        detector = Detector(model).eval()
    return Bundle((detector,), PreprocessingSettings(), Calibration(), 3, "demo")


@pytest.fixture
def encoded_frames(monkeypatch):
    """Number of frames in each call of a backbone."""
    counts, encode = [], FrameEncoder._run_in_chunks

    def count(self, frames, flow):
        counts.append(len(frames))
        return encode(self, frames, flow)

    monkeypatch.setattr(FrameEncoder, "_run_in_chunks", count)
    return counts


@pytest.fixture
def cache_of_loader(monkeypatch, tmp_path):
    """Give a loader of toy clips a cache."""
    monkeypatch.setattr(frozen_features, "feature_cache", lambda _: Cache(tmp_path))


def test_features_are_those_that_the_encoder_gives_the_same_frames(base, toy_clips, toy_load):
    clips = toy_clips[:3]
    vectors = extract_face_features(base.first_member, clips, toy_load, None)
    examples = list(EvaluationClips(clips, toy_load, 2, vectors))
    batch = collate_examples(examples, base.settings)
    pixels = collate_examples([replace(each, vectors=None) for each in examples], base.settings)
    with torch.inference_mode():
        expected = base.first_member.encode_frames(pixels.batch)
        mask = batch.batch.frame_mask
        features = base.first_member.project_frames(batch.frame_features, mask)
    torch.testing.assert_close(features, expected, atol=1e-5, rtol=1e-4)


def test_features_are_read_from_the_cache_the_second_time(
    base, toy_clips, toy_load, tmp_path, encoded_frames
):
    cache = Cache(tmp_path / "cache")
    first = extract_face_features(base.first_member, toy_clips[:2], toy_load, cache)
    assert encoded_frames == [5, 5]
    second = extract_face_features(base.first_member, toy_clips[:2], toy_load, cache)
    assert encoded_frames == [5, 5]
    assert first.keys() == second.keys() == {clip.sha256 for clip in toy_clips[:2]}
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_clips_that_cannot_be_used_have_no_features(base, toy_clips, toy_load, rename_clip):
    clips = rename_clip(toy_clips, "train", 0, "broken")
    clips = rename_clip(clips, "train", 1, "faceless-silent")
    vectors = extract_face_features(base.first_member, clips[:3], toy_load, None)
    assert list(vectors) == [clips[2].sha256]


def test_a_clip_without_a_face_has_no_frames_to_encode(base, toy_clips, toy_load, rename_clip):
    clips = rename_clip(toy_clips, "train", 0, "faceless")
    vectors = extract_face_features(base.first_member, clips[:1], toy_load, None)
    assert vectors[clips[0].sha256].shape == (0, base.first_member.frame.width)


def test_faces_are_encoded_in_float32(base, toy_clips, toy_load):
    sample = next(iter(EvaluationClips(toy_clips[:1], toy_load))).samples[0]
    vectors = encode_faces(base.first_member, sample)
    assert (vectors.shape, vectors.dtype) == ((5, base.first_member.frame.width), np.float32)


def test_further_members_encode_no_face_again(
    toy_clips, toy_load, tiny_settings, tmp_path, encoded_frames
):
    first = fit(toy_clips, tiny_settings, toy_load, tmp_path)
    encoded_frames.clear()
    cache = Cache(tmp_path / "cache")

    def fit_member(seed):
        settings = tiny_settings.replace(seed=seed)
        frozen = FrameEncoderSource(first, cache)
        return (
            fit(toy_clips, settings, toy_load, tmp_path, encoder=frozen).parent / HISTORY
        ).read_text()

    second = fit_member(8)
    fitted = [clip for clip in toy_clips if clip.split != "test"]
    expected = sum(len(toy_load(clip).people[0].faces) for clip in fitted)
    assert sum(encoded_frames) == expected
    third = fit_member(9)
    assert sum(encoded_frames) == expected
    assert second != third


@pytest.mark.parametrize("change", [{"fake_source": "both"}, {"adversarial_epsilon": 0.05}])
def test_faces_that_training_changes_cannot_be_encoded_beforehand(tiny_settings, change):
    detector = Detector(tiny_settings.model.replace(trainable="none", flow=False))
    assert has_fixed_face_features(detector, TrainingSettings())
    voices = TrainingSettings(fake_source="both", forged_parts=("voice",))
    assert has_fixed_face_features(detector, voices)
    assert not has_fixed_face_features(detector, TrainingSettings(**change))
    trained = Detector(tiny_settings.model.replace(flow=False))
    assert not has_fixed_face_features(trained, TrainingSettings())


def test_a_feature_is_kept_for_the_pixels_and_weights_that_it_was_computed_from(base, tmp_path):
    encoder, cache = base.first_member.frame, Cache(tmp_path)
    frames = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))

    def entries():
        return len(list(tmp_path.rglob("*.json")))

    with torch.inference_mode():
        expected = encoder.extract(frames, None)
        with cached_features([encoder], cache):
            assert torch.equal(encoder.extract(frames, None), expected)
            kept = entries()
            assert torch.equal(encoder.extract(frames, None), expected)
            assert entries() == kept
            encoder.extract(frames / 2, None)
            assert entries() == 2 * kept
        assert encoder.store is None
        next(encoder.backbone.parameters()).mul_(2)
        with cached_features([encoder], cache):
            assert not torch.equal(encoder.extract(frames, None), expected)


def test_features_of_attacked_frames_are_not_kept(base, tmp_path):
    frames = torch.rand(1, 3, 32, 32, requires_grad=True)
    with cached_features([base.first_member.frame], Cache(tmp_path)):
        base.first_member.frame.extract(frames, None).sum().backward()
    assert frames.grad.abs().max() > 0
    assert not list(tmp_path.rglob("*.json"))


@pytest.mark.parametrize("score", [score_usable_clips, score_videos])
def test_scoring_encodes_a_face_once_if_the_backbone_is_not_trained(
    score, base, toy_clips, toy_load, encoded_frames, cache_of_loader
):
    frozen = base.settings.trainable == "none"
    first, _ = score(base, toy_clips[:2], toy_load)
    second, _ = score(base, toy_clips[:2], toy_load)
    assert encoded_frames == ([5, 5] if frozen else [5, 5, 5, 5])
    assert first
    assert str(first) == str(second)


@pytest.mark.parametrize("blocks", [(), (1, 2)])
def test_a_backbone_that_is_not_trained_encodes_each_frame_once(
    toy_clips, toy_load, tiny_settings, tmp_path, encoded_frames, blocks
):
    settings = tiny_settings.replace(model=frozen_transformer(tiny_settings.model, blocks))
    cache = Cache(tmp_path / "cache")
    fit(toy_clips, settings, toy_load, tmp_path, encoder=FrameEncoderSource(cache=cache))
    fitted = [clip for clip in toy_clips if clip.split != "test"]
    expected = sum(len(toy_load(clip).people[0].faces) for clip in fitted)
    assert sum(encoded_frames) == expected
    other = settings.replace(training=settings.training.replace(learning_rate=1e-4))
    fit(toy_clips, other, toy_load, tmp_path, encoder=FrameEncoderSource(cache=cache))
    assert sum(encoded_frames) == expected  # from the cache


@pytest.fixture(params=[False, True], ids=["rgb", "flow"])
def residual_detector(tiny_settings, request):
    model = tiny_settings.model.replace(
        frame_backbone="residual_tiny", input_px=112, flow=request.param
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Detector(model).eval()


def test_a_stage_without_weights_runs_once_and_changes_no_score(
    residual_detector, toy_clips, toy_load
):
    clips = toy_clips[:3]
    vectors = extract_fixed_stage(residual_detector, clips, toy_load)
    assert vectors[clips[0].sha256].shape == (5, residual_detector.frame.fixed_width)
    examples = list(EvaluationClips(clips, toy_load, 3, vectors))
    batch = collate_examples(examples, residual_detector.settings)
    pixels = collate_examples(
        [replace(each, vectors=None) for each in examples], residual_detector.settings
    )
    with torch.inference_mode():
        expected = residual_detector.encode_frames(pixels.batch)
        mask = batch.batch.frame_mask
        features = residual_detector.project_frames(batch.frame_features, mask)
    torch.testing.assert_close(features, expected, atol=1e-5, rtol=1e-4)


def test_no_stage_runs_once_for_other_backbones_or_fixed_ones(
    residual_detector, base, toy_clips, toy_load
):
    assert extract_fixed_stage(base.first_member, toy_clips[:1], toy_load) is None
    residual_detector.frame.freeze()
    assert extract_fixed_stage(residual_detector, toy_clips[:1], toy_load) is None


def test_validation_metrics_of_a_fit_stay_the_same(
    residual_detector, toy_clips, toy_load, tiny_settings, tmp_path, monkeypatch
):
    settings = tiny_settings.replace(model=residual_detector.settings)
    once = fit(toy_clips, settings, toy_load, tmp_path / "once")
    monkeypatch.setattr(fit_module, "extract_fixed_stage", lambda *_: None)
    every = fit(toy_clips, settings, toy_load, tmp_path / "every")
    histories = [
        np.genfromtxt(bundle.parent / HISTORY, delimiter=",", names=True)
        for bundle in (once, every)
    ]
    for name in ("val_loss", "val_auc", "train_loss"):
        np.testing.assert_allclose(histories[0][name], histories[1][name], rtol=1e-4)


def test_a_clip_without_faces_has_no_fixed_rows(
    residual_detector, toy_clips, toy_load, rename_clip
):
    clips = rename_clip(toy_clips, "train", 0, "faceless")
    clips = rename_clip(clips, "train", 1, "broken")
    vectors = extract_fixed_stage(residual_detector, clips[:2], toy_load)
    assert vectors.keys() == {clips[0].sha256}
    assert vectors[clips[0].sha256].shape == (0, residual_detector.frame.fixed_width)
