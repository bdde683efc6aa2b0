"""Two processes on the CPU against one; all fits of a run share one forkserver."""

import csv
import json
import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from lightning.pytorch.loggers import CSVLogger
from sklearn.metrics import roc_auc_score

from tests.toy_fixtures import load_toy
from unmask.errors import TrainingError
from unmask.models.backbones.pretrained_voice import TINY_CONFIG
from unmask.models.bundle import load_bundle
from unmask.training.detector.fit import fit
from unmask.training.score_clips import score_clips


@pytest.fixture
def settings(tiny_settings, tmp_path):
    """A detector without dropout and batch norm, which differ between processes."""
    names = ("hidden_dropout", "attention_dropout", "activation_dropout", "feat_proj_dropout")
    voice = {**TINY_CONFIG, **dict.fromkeys(names, 0.0), "model_type": "wav2vec2"}
    (tmp_path / "voice").mkdir()
    (tmp_path / "voice/config.json").write_text(json.dumps(voice))
    model = tiny_settings.model.replace(
        frame_backbone="test_vit",
        voice_backbone=str(tmp_path / "voice"),
        dropout=0.0,
        modality_dropout=0.0,
    )
    training = tiny_settings.training.replace(learning_rate=1e-3, ema_decay=0.5)
    return tiny_settings.replace(model=model, training=training)


@pytest.fixture
def clips(toy_clips, rename_clip):
    """Clips of which one cannot be read, and some have parts with an unknown label.

    The processes get different numbers of known labels, and of 13 validation clips in batches of
    four one process has none in the last.
    """
    clips = rename_clip(toy_clips, "train", 5, "broken")
    unknown = {"train-1": "fake_video", "train-2": "fake_audio", "train-9": "fake_audio"}
    clips = [
        replace(clip, **{unknown[clip.clip_id]: None}) if clip.clip_id in unknown else clip
        for clip in clips
    ]
    val = next(clip for clip in clips if clip.split == "val")
    return (*clips, replace(val, clip_id="val-12", sha256=f"{99:064x}", pair_id="val-12"))


def with_training(settings, **changes):
    return settings.replace(training=settings.training.replace(**changes))


def read_rows(file):
    with file.open() as stream:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(stream)]


def load_or_die(clip):
    if clip.clip_id == "val-3" and os.environ.get("RANK") == "1":
        os.kill(os.getpid(), signal.SIGKILL)
    return load_toy(clip)


@pytest.mark.parametrize("balanced", [False, True])
def test_two_processes_train_like_one(clips, settings, tmp_path, balanced):
    settings = with_training(settings, balanced=balanced)
    single = fit(clips, settings, load_toy, tmp_path / "single")
    logger = CSVLogger(tmp_path / "log")
    pair = fit(clips, with_training(settings, devices=2), load_toy, tmp_path / "pair", logger)

    rows, expected = (read_rows(bundle.parent / "history.csv") for bundle in (pair, single))
    assert len(rows) == len(expected) == 2
    for row, other in zip(rows, expected, strict=True):
        assert row == pytest.approx(other, abs=2e-4)
    a, b = (load_bundle(bundle).first_member.state_dict() for bundle in (pair, single))
    assert a.keys() == b.keys()
    for name in a:  # rounding errors grow in AdamW where a gradient is nearly 0
        torch.testing.assert_close(a[name], b[name], rtol=0, atol=1e-4, msg=name)

    files = sorted(file.relative_to(pair.parent) for file in pair.parent.rglob("*"))
    assert files == sorted(file.relative_to(single.parent) for file in single.parent.rglob("*"))
    assert list(json.loads((pair.parent / "skipped.json").read_text())) == ["broken-train-5"]
    (logged,) = (tmp_path / "log").rglob("metrics.csv")
    assert len(logged.read_text().splitlines()) <= 1 + 2 * 2

    val = [clip for clip in clips if clip.split == "val"]
    scores = score_clips(load_bundle(pair), val, load_toy)
    auc = roc_auc_score([row.is_fake for row in scores], [row.logit for row in scores])
    assert max(row["val_auc"] for row in rows) == pytest.approx(auc, abs=1e-6)


def test_an_error_of_a_process_is_raised_in_the_calling_one(clips, settings, tmp_path):
    fakes = [clip for clip in clips if clip.split != "val" or clip.is_fake]
    with pytest.raises(TrainingError, match="validation clips are fake"):
        fit(fakes, with_training(settings, devices=2), load_toy, tmp_path)
    with pytest.raises(TrainingError, match="use a multiple of 2"):
        fit(clips, with_training(settings, devices=2, batch_clips=3), load_toy, tmp_path)


def test_a_killed_process_ends_the_fit_with_a_reason(clips, settings, tmp_path):
    with pytest.raises(TrainingError, match=r"SIGKILL.*lower training\.batch_clips"):
        fit(clips, with_training(settings, devices=2), load_or_die, tmp_path)
    assert not list(tmp_path.glob("*/bundle"))


def test_batch_norms_of_a_group_share_their_running_statistics(clips, tiny_settings, tmp_path):
    settings = with_training(tiny_settings, devices=2, epochs=1)
    bundle = load_bundle(fit(clips, settings, load_toy, tmp_path))
    means = [
        value
        for name, value in bundle.first_member.state_dict().items()
        if name.endswith("running_mean")
    ]
    assert means
    assert all(np.isfinite(value).all() and value.any() for value in means)
