"""Own forgeries of val and test: they are reported and decide nothing."""

from dataclasses import replace

import pytest
from sklearn.metrics import roc_auc_score

from tests.toy_fixtures import load_toy
from unmask.config import AttackSettings, GateSettings
from unmask.data.manifest import read_all_clips, read_manifest, write_manifest
from unmask.data.splits import separate_own_forgeries
from unmask.data.torch import evaluation_set
from unmask.evaluation.baseline_comparison import BaselineComparison
from unmask.evaluation.evaluate import evaluate, measure_splits
from unmask.evaluation.gates import check_gates
from unmask.models.bundle import load_bundle
from unmask.robustness.adversarial_evaluation import evaluate_under_attack
from unmask.training.full_run import train_and_calibrate
from unmask.training.own_forgeries import score_own_forgeries
from unmask.training.score_clips import score_split


@pytest.fixture
def own(toy_clips):
    """Own forgeries of every split, all labelled wrongly: any use of them would show."""
    wrong = []
    for number, clip in enumerate(toy_clips):
        is_fake = not clip.is_fake
        labels = {"is_fake": is_fake, "fake_video": is_fake, "fake_audio": False}
        name = f"own-{clip.clip_id}"
        names = {
            "clip_id": name,
            "path": clip.path.with_name(name),
            "sha256": f"{99 + number:064x}",
        }
        kind = {"manipulation": "self-blend" if is_fake else "none", "own_forgery": True}
        wrong.append(replace(clip, **names, **labels, **kind))
    return wrong


@pytest.fixture
def run(toy_clips, own, tiny_settings, tmp_path, monkeypatch):
    """Train, calibrate, measure, attack and gate on what a manifest with some clips gives."""
    by_name = {clip.path.name: clip for clip in (*toy_clips, *own)}
    monkeypatch.setattr(
        evaluation_set, "prepare_clip", lambda path, *_: load_toy(by_name[path.name])
    )
    settings = tiny_settings

    def run_on(name, clips):
        folder = tmp_path / name
        write_manifest(clips, folder)
        given = read_manifest(folder)
        out = train_and_calibrate(given, settings, None, folder / "work", folder / "bundle")
        bundle = load_bundle(out)
        load = evaluation_set.make_feature_loader(settings.preprocessing, None)
        attacks = evaluate_under_attack(bundle, given, load, AttackSettings(epsilons=(0.05,)))
        rows = score_split(out, given, "test", None)
        evaluation = evaluate(rows, settings.evaluation, seed=0)
        _, marked = separate_own_forgeries(read_all_clips(folder))
        scored = score_own_forgeries(out, marked, None)
        slices = measure_splits(scored, settings.evaluation, seed=0)
        evaluation = replace(evaluation, own_forgeries=slices)
        gates = check_gates(GateSettings(), evaluation, attacks.gate_drop, BaselineComparison())
        return bundle, evaluation, gates, scored

    return run_on


def test_own_forgeries_move_no_weight_threshold_metric_or_gate(run, toy_clips, own):
    held_out = [clip for clip in own if clip.split != "train"]
    plain, measured, gates, none = run("plain", toy_clips)
    bundle, evaluation, gates_beside, scored = run("beside", [*toy_clips, *held_out])
    assert bundle.sha256 == plain.sha256  # of the weights, the calibration and the thresholds
    assert replace(evaluation, own_forgeries={}) == measured
    assert gates_beside == gates
    assert (none, measured.own_forgeries) == ((), {})
    for split in ("val", "test"):
        rows = [row for row in scored if row.split == split]
        auc = roc_auc_score([row.is_fake for row in rows], [row.logit for row in rows])
        assert evaluation.own_forgeries[split].value == pytest.approx(auc)
        assert evaluation.own_forgeries[split].fakes == 3


def test_own_forgeries_of_train_are_trained_on(run, toy_clips, own):
    train = [clip for clip in own if clip.split == "train"]
    plain, *_ = run("plain", toy_clips)
    bundle, evaluation, *_ = run("train", [*toy_clips, *train])
    assert bundle.sha256 != plain.sha256
    assert evaluation.own_forgeries == {}
