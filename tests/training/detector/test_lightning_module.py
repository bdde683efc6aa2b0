from dataclasses import replace

import numpy as np
import pytest
import torch

from unmask.data.torch.collate import ClipBatch, collate_examples
from unmask.data.torch.evaluation_set import EvaluationClips
from unmask.errors import TrainingError
from unmask.evaluation.metrics import roc_auc
from unmask.models.adversarial import fgsm
from unmask.models.detector import Detector
from unmask.models.losses import LossWeights, detector_loss
from unmask.training.detector import lightning_module
from unmask.training.detector.lightning_module import DetectorModule


@pytest.fixture
def make_module(tiny_settings):
    """Build a module that records in ``logged`` what it would log."""

    def build(model=None, **training):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            detector = Detector(tiny_settings.model.replace(**(model or {}))).eval()
        module = DetectorModule(detector, tiny_settings.training.replace(**training), seed=7)
        module.logged = {}
        module.log = lambda name, value, **_: module.logged.update(
            {name: torch.as_tensor(value).item()}
        )
        return module

    return build


@pytest.fixture
def make_batch(tiny_settings, toy_load):
    def build(clips, model=None):
        settings = tiny_settings.model.replace(**(model or {}))
        return collate_examples(list(EvaluationClips(clips, toy_load)), settings)

    return build


def weighted_loss(module, batch):
    training = module.settings
    return detector_loss(
        module.detector(batch.batch),
        batch.targets,
        LossWeights(
            training.modality_weight,
            training.temporal_weight,
            training.landmark_weight,
            training.pose_weight,
        ),
    )


def test_a_training_step_returns_and_logs_the_weighted_loss(make_module, make_batch, toy_clips):
    module, batch = make_module(), make_batch(toy_clips[:4])
    loss = module.training_step(batch, 0)
    expected = weighted_loss(module, batch)
    assert loss.item() == pytest.approx(expected.total.item())
    assert module.logged["train_loss"] == pytest.approx(expected.total.item())
    for name in ("clip", "video", "audio", "parts", "temporal"):
        assert module.logged[f"train_{name}"] == pytest.approx(getattr(expected, name).item())
    assert set(module.logged) == {
        *("train_loss", "train_clip", "train_video", "train_audio", "train_parts"),
        "train_temporal",
    }


def test_clips_that_are_labelled_as_a_whole_have_a_loss_of_their_own(
    make_module, make_batch, toy_clips
):
    whole = [
        replace(clip, fake_video=None, fake_audio=None) if clip.is_fake else clip
        for clip in toy_clips[:4]
    ]
    module, known = make_module(), make_module()
    module.training_step(make_batch(whole), 0)
    known.training_step(make_batch(toy_clips[:4]), 0)
    assert module.logged["train_parts"] > 0 == known.logged["train_parts"]


def test_a_training_step_logs_the_losses_of_auxiliary_heads(make_module, make_batch, toy_clips):
    model = {"auxiliary": True}
    module = make_module(model)
    module.training_step(make_batch(toy_clips[:4], model), 0)
    assert {"train_landmarks", "train_pose"} <= set(module.logged)


def test_an_adversarial_step_averages_the_losses_of_clean_and_attacked_faces(
    make_module, make_batch, toy_clips
):
    module, batch = make_module(adversarial_epsilon=0.02), make_batch(toy_clips[:4])
    clean = weighted_loss(module, batch).total.item()
    attacked = fgsm(module.detector, batch.batch, batch.targets.is_fake, "frames", 0.02)
    attacked_batch = ClipBatch(batch.clips, attacked, batch.targets, batch.problems)
    under_attack = weighted_loss(module, attacked_batch).total.item()
    assert under_attack > clean
    assert module.training_step(batch, 0).item() == pytest.approx((clean + under_attack) / 2)


def test_a_step_without_a_usable_clip_is_skipped_and_its_problems_kept(
    make_module, make_batch, toy_clips, rename_clip
):
    clips = rename_clip(toy_clips, "train", 0, "broken")
    module = make_module()
    assert module.training_step(make_batch(clips[:1]), 0) is None
    assert list(module.problems) == ["broken-train-0"]
    checkpoint = {}
    module.on_save_checkpoint(checkpoint)
    resumed = make_module()
    resumed.on_load_checkpoint(checkpoint)
    assert resumed.problems == module.problems


def test_a_group_of_processes_runs_backward_without_a_usable_clip(
    make_module, make_batch, toy_clips, rename_clip, monkeypatch
):
    module = make_module()
    monkeypatch.setattr(lightning_module, "is_grouped", lambda: True)  # Lightning refuses None
    loss = module.training_step(make_batch(rename_clip(toy_clips, "train", 0, "broken")[:1]), 0)
    loss.backward()
    gradients = [p.grad for p in module.parameters() if p.grad is not None]
    assert loss.item() == 0
    assert len(gradients) == 1
    assert not gradients[0].any()


def test_validation_logs_the_auc_of_all_batches_together(make_module, make_batch, toy_clips):
    module, val = make_module(), toy_clips[12:24]
    for batch in (make_batch(val[:5]), make_batch(val[5:])):
        with torch.inference_mode():
            module.validation_step(batch, 0)
    module.on_validation_epoch_end()
    with torch.inference_mode():
        prediction = module.detector(make_batch(val).batch)
    for name, logits, label in (
        ("val_auc", prediction.logit, "is_fake"),
        ("val_auc_video", prediction.video_logit, "fake_video"),
        ("val_auc_audio", prediction.audio_logit, "fake_audio"),
    ):
        labels = np.array([getattr(clip, label) for clip in val])
        assert module.logged[name] == pytest.approx(roc_auc(logits.double().numpy(), labels))


def test_a_modality_with_a_single_class_has_no_validation_auc(make_module, make_batch, toy_clips):
    module = make_module()
    clips = [clip for clip in toy_clips[12:24] if not clip.fake_audio]
    module.validation_step(make_batch(clips), 0)
    module.on_validation_epoch_end()
    assert "val_auc_video" in module.logged
    assert "val_auc_audio" not in module.logged


@pytest.mark.parametrize("usable", [False, True])
def test_validation_without_both_classes_names_the_clips_left_out(
    make_module, make_batch, toy_clips, rename_clip, usable
):
    module = make_module()
    clips = rename_clip(toy_clips, "train", 0, "broken")[: 4 if usable else 1]
    genuine = [clip for clip in clips if not clip.is_fake]
    module.validation_step(make_batch([*genuine, toy_clips[4]] if usable else genuine), 0)
    with pytest.raises(TrainingError, match=r"1 clips were left out \(broken-train-0: .*decoded"):
        module.on_validation_epoch_end()


def test_norms_and_biases_have_no_weight_decay(make_module, monkeypatch):
    module = make_module(weight_decay=0.1)
    monkeypatch.setattr(
        DetectorModule, "trainer", type("Trainer", (), {"estimated_stepping_batches": 10})()
    )
    (optimiser,), _ = module.configure_optimizers()
    decayed, others = optimiser.param_groups
    assert (decayed["weight_decay"], others["weight_decay"]) == (0.1, 0.0)
    assert all(p.ndim > 1 for p in decayed["params"])
    assert all(p.ndim <= 1 for p in others["params"])
    count = len(decayed["params"]) + len(others["params"])
    assert count == sum(p.requires_grad for p in module.parameters())
