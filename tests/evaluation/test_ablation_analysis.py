import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from unmask.config import EvaluationSettings
from unmask.errors import DataError
from unmask.evaluation.ablation_analysis import (
    AblationRow,
    RunScores,
    compare_runs,
    to_metrics,
)
from unmask.evaluation.ablation_markdown import ablation_page
from unmask.evaluation.auc_estimate import UnmeasuredAuc
from unmask.evaluation.bootstrap import estimate_auc
from unmask.evaluation.intervals import Estimate
from unmask.evaluation.serialization import load, save
from unmask.records import ScoreRow

SETTINGS = EvaluationSettings(resamples=400)


def make_run(seed, skill, clips=120):
    """Score clips, half of them fake, of ten people; ``skill`` is the distance of the classes."""
    rng = np.random.default_rng((seed, clips))
    rows = []
    for number in range(clips):
        is_fake = bool(number % 2)
        logit = float(rng.normal(skill if is_fake else 0.0))
        rows.append(
            ScoreRow(
                clip_id=f"{number:03}",
                identity=f"person-{number % 20 // 2}",
                split="test",
                manipulation="swap" if is_fake else "none",
                is_fake=is_fake,
                logit=logit,
                probability=float(1 / (1 + np.exp(-logit))),
            )
        )
    return RunScores(seed, tuple(rows), ms_per_clip=10.0 + seed)


def test_a_component_that_helps_has_a_gain_and_one_that_does_nothing_has_none():
    reference = [make_run(seed, 2.0) for seed in (7, 8, 9)]
    worse = [make_run(seed, 0.5) for seed in (7, 8, 9)]
    rows = compare_runs(reference, {"useful": worse, "useless": reference}, SETTINGS, seed=1)
    everything, useful, useless = rows
    assert everything.gain is None
    assert useful.gain.low > 0
    assert useful.gain.value == pytest.approx(everything.auc.value - useful.auc.value)
    assert useless.gain == Estimate(0.0, 0.0, 0.0)
    assert everything.p_holm is None
    assert useful.p_value == pytest.approx(2 / 401)
    assert useful.p_holm == pytest.approx(4 / 401)  # two rows
    assert useless.p_holm == 1.0
    assert everything.ms_per_clip == pytest.approx(18.0)


def test_runs_that_differ_by_chance_rarely_have_a_significant_gain():
    """Identical components, whose runs vary from seed to seed."""

    def vary(seed, rng):
        base, offset = make_run(0, 1.2, clips=84), rng.normal(0, 0.2)
        rows = [
            replace(row, logit=row.logit + offset * row.is_fake + rng.normal(0, 0.3))
            for row in base.rows
        ]
        return replace(base, rows=tuple(rows), seed=seed)

    significant = 0
    for number in range(60):
        rng = np.random.default_rng(number)
        first, second = ([vary(seed, rng) for seed in (7, 8, 9)] for _ in range(2))
        settings = EvaluationSettings(resamples=200)
        _, row = compare_runs(first, {"the same": second}, settings, seed=1)
        significant += not row.gain.low <= 0 <= row.gain.high
    assert significant <= 9  # 3 are expected; resampling people alone gave 30


def test_rows_of_other_seeds_are_refused():
    runs = [make_run(seed, 1.0) for seed in (7, 8)]
    with pytest.raises(DataError, match=r"flow: the seeds differ from \(7, 8\)"):
        compare_runs(runs, {"flow": runs[::-1]}, SETTINGS, 1)


def test_one_seed_has_the_interval_of_the_plain_bootstrap():
    run = make_run(7, 1.0)
    (row,) = compare_runs([run], {}, SETTINGS, seed=5)
    logits = np.array([row.logit for row in run.rows])
    is_fake = np.array([row.is_fake for row in run.rows])
    people = [row.identity for row in run.rows]
    assert row.auc == estimate_auc(logits, is_fake, people, np.random.default_rng(5), resamples=400)


def test_the_order_of_the_rows_does_not_matter():
    run = make_run(7, 1.0)
    reverse = replace(run, rows=run.rows[::-1])
    assert compare_runs([run], {"x": [reverse]}, SETTINGS, 1)[1].gain.value == 0.0


def test_runs_scored_on_other_clips_are_refused():
    with pytest.raises(DataError, match="seed 8: scored on other clips"):
        compare_runs([make_run(8, 1.0)], {"x": [make_run(8, 1.0, clips=118)]}, SETTINGS, 1)


def test_the_gain_of_an_added_component_is_that_of_having_it():
    worse, better = [make_run(7, 0.5)], [make_run(7, 2.0)]
    rows = compare_runs(worse, {"ensemble": better}, SETTINGS, seed=1, added={"ensemble"})
    assert rows[1].gain.value == pytest.approx(rows[1].auc.value - rows[0].auc.value)
    assert rows[1].gain.value > 0


def test_each_kind_of_fake_is_compared_with_all_genuine_clips():
    run = make_run(7, 2.0)
    kinds = ["swap", "blend"]
    rows = [
        replace(row, manipulation=kinds[number // 2 % 2]) if row.is_fake else row
        for number, row in enumerate(run.rows)
    ]
    aucs = RunScores(7, tuple(rows), 1.0).by_manipulation()
    assert list(aucs) == ["blend", "swap"]
    logits = [row.logit for row in rows if row.is_fake and row.manipulation == "swap"]
    genuine = [row.logit for row in rows if not row.is_fake]
    above = np.mean([fake > real for fake in logits for real in genuine])
    assert aucs["swap"] == pytest.approx(above)
    (row,) = compare_runs([run, run], {}, SETTINGS, seed=1)
    assert row.by_manipulation == {"swap": pytest.approx(run.auc)}


def test_each_data_set_has_its_auc_or_says_why_it_has_none(tmp_path):
    runs = [make_run(7, 2.0), make_run(8, 1.0)]
    names = ["kodf" if number % 4 == 1 else "ffpp" for number in range(120)]  # fakes are odd
    runs = [
        replace(run, rows=tuple(replace(r, source=n) for r, n in zip(run.rows, names, strict=True)))
        for run in runs
    ]
    rows = compare_runs(runs, {"flow": runs}, SETTINGS, seed=1)
    fakes = names.count("kodf")
    aucs = [
        roc_auc_score([r.is_fake for r in own], [r.logit for r in own])
        for own in ([row for row in run.rows if row.source == "ffpp"] for run in runs)
    ]
    for row in rows:
        assert row.by_source["ffpp"] == pytest.approx(np.mean(aucs))
        assert row.by_source["kodf"] == UnmeasuredAuc(fakes, 0, "no genuine clips")
    file = save(rows, tmp_path / "ablation.json")
    assert load(tuple[AblationRow, ...], file) == rows
    old = [{k: v for k, v in r.items() if k != "by_source"} for r in json.loads(file.read_text())]
    file.write_text(json.dumps(old))
    assert load(tuple[AblationRow, ...], file)[0].by_source == {}
    page = ablation_page(rows, {}, "Ablation", [])
    assert "| without | ffpp | kodf |" in page
    assert f"not measured: {fakes} fake + 0 genuine, no genuine clips |" in page


def test_metric_keys_name_the_component_and_whether_it_is_added():
    runs = [make_run(7, 1.0)]
    without = {"optical flow": runs, "ensemble": runs}
    rows = compare_runs(runs, without, SETTINGS, seed=1, added={"ensemble"})
    auc = rows[0].auc.value
    assert to_metrics(rows) == {
        "auc": auc,
        "auc_without_optical_flow": auc,
        "gain_optical_flow": 0.0,
        "p_holm_optical_flow": 1.0,
        "auc_with_ensemble": auc,
        "gain_ensemble": 0.0,
        "p_holm_ensemble": 1.0,
    }
