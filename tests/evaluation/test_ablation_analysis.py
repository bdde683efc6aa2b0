from dataclasses import replace

import numpy as np
import pytest

from unmask.config import EvaluationSettings
from unmask.errors import DataError
from unmask.evaluation.ablation_analysis import RunScores, compare_runs
from unmask.evaluation.ablation_markdown import HEAD, ablation_page
from unmask.evaluation.bootstrap import auc_interval
from unmask.records import ScoreRow

SETTINGS = EvaluationSettings(resamples=400)


def trained(seed, skill, clips=120):
    """Scores of half genuine, half fake clips of twenty people; more skill, further apart."""
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
    reference = [trained(seed, 2.0) for seed in (7, 8, 9)]
    worse = [trained(seed, 0.5) for seed in (7, 8, 9)]
    rows = compare_runs(reference, {"useful": worse, "useless": reference}, SETTINGS, seed=1)
    everything, useful, useless = rows
    assert everything.gain is None
    assert useful.gain_interval.low > 0
    assert useful.gain == pytest.approx(everything.auc - useful.auc)
    assert useless.gain == 0.0
    assert (useless.gain_interval.low, useless.gain_interval.high) == (0.0, 0.0)
    assert everything.ms_per_clip == pytest.approx(18.0)


def test_trainings_that_differ_by_chance_alone_seldom_seem_to_matter():
    """Of identical components, whose every training comes out a little better or worse."""

    def by_chance(seed, rng):
        base, luck = trained(0, 1.2, clips=84), rng.normal(0, 0.2)
        rows = [
            replace(row, logit=row.logit + luck * row.is_fake + rng.normal(0, 0.3))
            for row in base.rows
        ]
        return replace(base, rows=tuple(rows), seed=seed)

    shown = 0
    for number in range(60):
        rng = np.random.default_rng(number)
        first, second = ([by_chance(seed, rng) for seed in (7, 8, 9)] for _ in range(2))
        settings = EvaluationSettings(resamples=200)
        _, row = compare_runs(first, {"the same": second}, settings, seed=1)
        shown += not row.gain_interval.low <= 0 <= row.gain_interval.high
    assert shown <= 9  # three are to be expected; it was half of them by people alone


def test_rows_of_other_seeds_are_refused():
    runs = [trained(seed, 1.0) for seed in (7, 8)]
    with pytest.raises(DataError, match=r"flow: other seeds than \(7, 8\)"):
        compare_runs(runs, {"flow": runs[::-1]}, SETTINGS, 1)


def test_one_seed_has_the_interval_of_the_plain_bootstrap():
    run = trained(7, 1.0)
    (row,) = compare_runs([run], {}, SETTINGS, seed=5)
    logits = np.array([one.logit for one in run.rows])
    is_fake = np.array([one.is_fake for one in run.rows])
    people = [one.identity for one in run.rows]
    plain = auc_interval(logits, is_fake, people, np.random.default_rng(5), resamples=400)
    assert row.interval == plain


def test_the_order_of_the_rows_does_not_matter():
    run = trained(7, 1.0)
    turned = replace(run, rows=run.rows[::-1])
    assert compare_runs([run], {"x": [turned]}, SETTINGS, 1)[1].gain == 0.0


def test_other_clips_are_refused():
    with pytest.raises(DataError, match="seed 8: scored on other clips"):
        compare_runs([trained(8, 1.0)], {"x": [trained(8, 1.0, clips=118)]}, SETTINGS, 1)


def test_the_page_names_every_number():
    reference = [trained(seed, 2.0) for seed in (7, 8)]
    rows = compare_runs(reference, {"flow": [trained(7, 1.0), trained(8, 1.0)]}, SETTINGS, seed=1)
    page = ablation_page(rows, {"flow": "little"}, "Ablation", ["Demo set."])
    table = [line for line in page.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in table[:4]} == {len(HEAD) + 1}
    assert f"| {rows[0].auc:.3f} |" in table[2]
    assert f"{rows[1].gain:+.3f}" in table[3]
    assert "little" in table[3]
    assert f"- flow: {rows[1].aucs[0]:.3f}, {rows[1].aucs[1]:.3f}" in page


def test_what_is_added_gains_by_being_there():
    worse, better = [trained(7, 0.5)], [trained(7, 2.0)]
    rows = compare_runs(worse, {"ensemble": better}, SETTINGS, seed=1, added={"ensemble"})
    assert rows[1].gain == pytest.approx(rows[1].auc - rows[0].auc)
    assert rows[1].gain > 0
    assert "| + ensemble |" in ablation_page(rows, {}, "Ablation", ["Demo set."])


def test_each_kind_of_fake_is_held_against_all_genuine_clips():
    run = trained(7, 2.0)
    kinds = ["swap", "blend"]
    rows = [
        replace(row, manipulation=kinds[number // 2 % 2]) if row.is_fake else row
        for number, row in enumerate(run.rows)
    ]
    halves = RunScores(7, tuple(rows), 1.0).by_manipulation()
    assert list(halves) == ["blend", "swap"]
    logits = [row.logit for row in rows if row.is_fake and row.manipulation == "swap"]
    genuine = [row.logit for row in rows if not row.is_fake]
    above = np.mean([fake > real for fake in logits for real in genuine])
    assert halves["swap"] == pytest.approx(above)
    (row,) = compare_runs([run, run], {}, SETTINGS, seed=1)
    assert row.by_manipulation == {"swap": pytest.approx(run.auc)}
    page = ablation_page([row], {}, "Ablation", ["Demo set."])
    assert f"| without | swap |\n| --- | --- |\n| nothing (reference) | {run.auc:.2f} |" in page
