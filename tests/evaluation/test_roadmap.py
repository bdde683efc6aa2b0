"""Targets of the roadmap: in the gate report, and by phase."""

from pathlib import Path

import pytest

from tests.factories import make_evaluation
from unmask.config import load_settings
from unmask.evaluation.baseline_comparison import BaselineComparison
from unmask.evaluation.console_tables import target_table
from unmask.evaluation.gates import check_gates, list_gates
from unmask.evaluation.intervals import Estimate
from unmask.evaluation.roadmap import add_targets, describe_target, list_cells, to_markdown

PARAMS = Path(__file__).resolve().parents[2] / "params.yaml"
# as the roadmap states them, by phase
LIMITS = {
    "auc@ffpp": (0.78, 0.83, 0.88),
    "auc@celebdf": (0.74, 0.79, 0.84),
    "cross_dataset_auc": (0.70, 0.75, 0.80),
    "fpr95@ffpp": (None, None, 0.02),
    "ece": (0.05, 0.05, 0.05),
    "codec_gap": (0.02, 0.02, 0.02),  # the roadmap asks for it in the last phase
    "fgsm_drop": (0.05, 0.05, 0.05),
}


def load_gates(phase, profile="full"):
    return load_settings(PARAMS, phase, profile).gates


def test_the_gates_of_full_hold_the_roadmaps_numbers():
    for index, phase in enumerate((1, 2, 3)):
        limits = {row.name: row.gate.limit for row in list_gates(load_gates(phase))}
        expected = {name: by_phase[index] for name, by_phase in LIMITS.items()}
        targets = {name: limits.get(name) for name in LIMITS}
        assert targets == expected
        assert {name for name in limits if describe_target(name)} <= set(LIMITS)


@pytest.fixture
def report():
    """Of the demo set: no data set of the roadmap was given."""
    evaluation = make_evaluation(ece=0.09, ece_low=0.06, ece_high=0.14)
    demo = check_gates(load_gates(3, "demo"), evaluation, 0.8, BaselineComparison(), 0.01)
    return add_targets(demo, load_gates(3), evaluation, 0.8, 0.01)


def test_a_report_of_the_demo_has_every_target_and_says_what_is_not_measured(report):
    verdicts = {row.name: row.verdict for row in report.targets}
    assert verdicts == {
        "auc@ffpp": "not measured",
        "auc@celebdf": "not measured",
        "cross_dataset_auc": "not measured",
        "fpr95@ffpp": "not measured",
        "ece": "missed",
        "codec_gap": "passed",
        "fgsm_drop": "missed",
    }
    assert {row.name for row in report.rows} >= {"auc", "baseline_drop"}


def test_targets_decide_nothing(report):
    assert report.passed == all(row.passed for row in report.rows if row.level == "required")
    assert any(row.level == "required" and not row.passed for row in report.targets)


def test_the_cells_of_a_target_have_limit_interval_and_verdict(report, render):
    cells = {row.name: list_cells(row) for row in report.targets}
    measured = Estimate(0.09, 0.06, 0.14).format()
    assert cells["ece"] == ("ECE", "at most 0.05", measured, "missed")
    assert cells["codec_gap"][2:] == ("0.010", "passed")
    assert cells["auc@celebdf"] == (
        "AUC on celebdf",
        "at least 0.84",
        "",
        "not measured: no data set celebdf with test clips (give it as --data celebdf=FOLDER)",
    )
    text = render(target_table(report))
    assert "AUC on celebdf" in text
    assert measured in text


def test_the_table_of_the_phases_has_a_line_per_target_and_every_limit():
    lines = to_markdown({phase: load_gates(phase) for phase in (1, 2, 3)}).splitlines()
    assert len(lines) == 2 + len(LIMITS)
    rows = {line.split("`")[1]: line.split(" | ")[2:] for line in lines[2:]}
    for name, limits in LIMITS.items():
        cells = [cell.strip(" |") for cell in rows[name]]
        for cell, limit in zip(cells, limits, strict=True):
            assert cell == "–" if limit is None else f" {limit:g}, " in cell
