"""Too few test clips decide nothing."""

from dataclasses import replace

import numpy as np
import pytest

from unmask.config import EvaluationSettings, Gate, GateSettings
from unmask.errors import GateError
from unmask.evaluation.baseline_comparison import BaselineComparison
from unmask.evaluation.console_tables import gate_table
from unmask.evaluation.evaluate import evaluate
from unmask.evaluation.gate_report import render_page
from unmask.evaluation.gates import check_gates, unmeasured_notes
from unmask.records import ScoreRow

FLOOR = EvaluationSettings(min_clips=20, min_people=10, resamples=50)


def make_rows(clips, people):
    """Return scores of a perfect detector on ``clips`` clips of each class."""
    return [
        ScoreRow(
            clip_id=f"{kind}{number}",
            identity=f"p{number % people}",
            split="test",
            manipulation="swap" if kind else "none",
            is_fake=bool(kind),
            logit=4.0 * (2 * kind - 1) + number / 100,
            probability=0.98 if kind else 0.02,
        )
        for kind in (0, 1)
        for number in range(clips)
    ]


@pytest.mark.parametrize(("clips", "people"), [(1, 2), (4, 4), (19, 19), (40, 9)])
def test_a_perfect_score_of_too_few_clips_has_no_interval_and_passes_no_gate(clips, people):
    evaluation = evaluate(make_rows(clips, people), FLOOR, seed=0)
    assert evaluation.auc == 1.0
    assert (evaluation.auc_low, evaluation.auc_high) == (None, None)
    assert (evaluation.by_manipulation["swap"].low, evaluation.ece_low) == (None, None)
    assert "gates take 20 of each and 10 people" in evaluation.shortage
    gates = GateSettings(auc=Gate(limit=0.8), baseline_drop=Gate(limit=0.01))
    report = check_gates(gates, evaluation, 0.0, BaselineComparison())
    assert {row.verdict for row in report.rows} == {"not measured"}
    assert not report.passed
    with pytest.raises(GateError, match="too few test clips"):
        report.raise_if_failed()
    assert any(evaluation.shortage in note for note in unmeasured_notes(evaluation))


def test_reported_gates_that_nothing_was_measured_for_are_not_passed_but_undecided():
    evaluation = evaluate(make_rows(4, 4), FLOOR, seed=0)
    gates = GateSettings(auc=Gate(limit=0.8, level="reported"))
    gates = gates.replace(
        **{name: gate.replace(level="reported") for name, gate in gates if isinstance(gate, Gate)}
    )
    report = check_gates(gates, evaluation, 0.0, BaselineComparison())
    report.raise_if_failed()  # nothing is required
    assert gate_table(report).title == "Gates: none decided"
    assert "<h1>Gates: none decided</h1>" in render_page(report)


@pytest.mark.parametrize("settings", [FLOOR, EvaluationSettings(resamples=50)])
def test_enough_clips_have_intervals_and_decide(settings):
    rows = make_rows(20, 10)
    rng = np.random.default_rng(0)
    rows = [replace(row, logit=row.logit + rng.normal(0, 4)) for row in rows]
    evaluation = evaluate(rows, settings, seed=0)
    assert evaluation.shortage == ""
    assert evaluation.auc_low < evaluation.auc <= evaluation.auc_high
    report = check_gates(GateSettings(auc=Gate(limit=0.5)), evaluation, 0.0, BaselineComparison())
    assert next(row for row in report.rows if row.name == "auc").verdict == "passed"
