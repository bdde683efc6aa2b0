"""A detector that was trained on shuffled labels, from its training to its gates."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from unmask.config import AttackSettings, EvaluationSettings, UncertaintySettings, load_settings
from unmask.evaluation.evaluate import evaluate
from unmask.evaluation.gates import check_gates
from unmask.models.bundle import load_bundle
from unmask.robustness.adversarial_evaluation import attack_features
from unmask.training.calibration.fit import fit_calibration
from unmask.training.detector.fit import fit_features
from unmask.training.score_clips import score_clip_people, score_features

ROOT = Path(__file__).resolve().parents[2]
LABELS = ("is_fake", "fake_video", "fake_audio", "manipulation")


def shuffled(clips):
    """The same clips of each split with each other's labels, as many of each kind as before."""
    rng = np.random.default_rng(5)
    found = []
    for split in ("train", "val"):
        own = [clip for clip in clips if clip.split == split]
        for clip, other in zip(own, rng.permutation(len(own)), strict=True):
            found.append(replace(clip, **{name: getattr(own[other], name) for name in LABELS}))
    return found


@pytest.fixture
def broken(toy_clips, toy_load, tiny_settings, tmp_path):
    """A detector fitted to shuffled labels, with its test clips and how to load any clip."""
    true = {clip.clip_id: clip for clip in toy_clips}

    def load(clip):
        return toy_load(true[clip.clip_id])  # a toy's pixels follow from its true label

    training = tiny_settings.training.replace(epochs=6, patience=6)
    settings = tiny_settings.replace(training=training)
    bundle = load_bundle(fit_features(shuffled(toy_clips), settings, load, tmp_path))
    return bundle, [clip for clip in toy_clips if clip.split == "test"], load


def every_gate():
    for phase, profile in product((1, 2, 3), ("demo", "full")):
        yield load_settings(ROOT / "params.yaml", phase=phase, profile=profile).gates


def test_shuffled_labels_fail_every_gate(broken):
    """With the true labels the same fit ends above 0.9, as another test shows."""
    bundle, test, load = broken
    attacks = AttackSettings(epsilons=(0.05,), targets=("frames",))
    drop = attack_features(bundle, test, load, attacks).gate_drop
    measured = evaluate(score_features(bundle, test, load), EvaluationSettings(resamples=20), 0)
    for gates in every_gate():
        report = check_gates(gates, measured, drop, champion_auc=0.95)
        assert {row.name: row.value for row in report.rows if row.passed} == {}
        assert not report.passed


def test_calibration_does_not_help_it_through(broken, toy_clips):
    """Calibrated to the labels it was trained on, it may be modest enough for the other gates."""
    bundle, test, load = broken
    val = [clip for clip in shuffled(toy_clips) if clip.split == "val"]
    found = fit_calibration(score_clip_people(bundle, val, load), UncertaintySettings(), 0.3)
    rows = score_features(replace(bundle, calibration=found), test, load)
    measured = evaluate(rows, EvaluationSettings(resamples=20), 0)
    for gates in every_gate():
        report = check_gates(gates, measured, 0.0, champion_auc=None, codec_auc_gap=0.0)
        assert "auc" in {row.name for row in report.rows if row.level == "required"}
        assert not next(row for row in report.rows if row.name == "auc").passed
        assert not report.passed
