from dataclasses import replace

import numpy as np
import pytest

from unmask.config import EvaluationSettings, Gate, GateSettings, SourceGate
from unmask.errors import GateError
from unmask.evaluation.evaluate import evaluate
from unmask.evaluation.gates import GateReport, check_gates
from unmask.evaluation.serialization import from_json, to_json

GATES = GateSettings()


@pytest.fixture
def good(score_rows):
    measured = evaluate(score_rows(), EvaluationSettings(resamples=50), seed=0)
    return replace(measured, auc=0.95, auc_low=0.91, auc_high=0.98, ece=0.02)


def gate(report, name):
    (row,) = [row for row in report.rows if row.name == name]
    return row


def test_a_good_candidate_passes_every_gate(good):
    report = check_gates(GATES, good, fgsm_auc_drop=0.01, champion_auc=0.94)
    assert [row.name for row in report.rows] == [
        "auc",
        "ece",
        "ece_excess",
        "fgsm_drop",
        "champion_drop",
    ]
    assert all(row.passed for row in report.rows)
    assert report.passed
    report.raise_if_failed()


@pytest.mark.parametrize(
    ("name", "changes", "drop", "champion"),
    [
        ("auc", {"auc": 0.89}, 0.0, 0.5),
        ("ece", {"ece": 0.0501}, 0.0, 0.5),
        ("fgsm_drop", {}, 0.051, 0.5),
        ("champion_drop", {}, 0.0, 0.9501),
    ],
)
def test_a_failed_required_gate_prevents_promotion(good, name, changes, drop, champion):
    report = check_gates(GATES, replace(good, **changes), drop, champion)
    assert [row.name for row in report.rows if not row.passed] == [name]
    assert not report.passed
    with pytest.raises(GateError) as caught:
        report.raise_if_failed()
    row = gate(report, name)
    assert f"{name} {row.value:.4f}" in str(caught.value)
    side = "below the minimum" if row.direction == "at least" else "above the maximum"
    assert f"is {side} of {row.limit:.4g}" in str(caught.value)


@pytest.mark.parametrize("changes", [{"auc": 0.90}, {"ece": 0.05}])
def test_a_value_equal_to_its_limit_passes(good, changes):
    assert check_gates(GATES, replace(good, **changes), 0.05, None).passed


def test_a_candidate_equal_to_the_champion_passes(good):
    assert gate(check_gates(GATES, good, 0.0, good.auc), "champion_drop").passed


def test_a_failed_reported_gate_is_shown_and_does_not_count(good):
    gates = GATES.replace(fgsm_drop=Gate(limit=0.05, level="reported"))
    report = check_gates(gates, good, fgsm_auc_drop=0.6, champion_auc=None)
    assert not gate(report, "fgsm_drop").passed
    assert report.passed


@pytest.mark.parametrize(("level", "passed"), [("required", False), ("reported", True)])
def test_an_attack_that_was_not_measured_fails_its_gate(good, level, passed):
    gates = GATES.replace(fgsm_drop=Gate(limit=0.05, level=level))
    report = check_gates(gates, good, fgsm_auc_drop=None, champion_auc=None)
    row = gate(report, "fgsm_drop")
    assert (row.value, row.passed, report.passed) == (None, False, passed)
    assert "not measured" in row.message


def test_the_codec_gap_is_checked_only_if_the_settings_have_that_gate(good):
    assert not [row for row in check_gates(GATES, good, 0.0, None, 0.9).rows if "codec" in row.name]
    gates = GATES.replace(codec_gap=Gate(limit=0.02))
    for gap, passed in ((0.02, True), (0.021, False), (None, False)):
        report = check_gates(gates, good, 0.0, None, gap)
        assert (gate(report, "codec_gap").passed, report.passed) == (passed, passed)


def test_nan_passes_no_gate(good):
    assert not check_gates(GATES, good, float("nan"), None).passed


def test_without_a_champion_its_gate_passes_without_a_value(good):
    row = gate(check_gates(GATES, good, 0.0, None), "champion_drop")
    assert (row.value, row.passed, row.message) == (None, True, "no champion yet")


def test_messages_contain_the_interval_and_the_ece_by_chance(good):
    report = check_gates(GATES, replace(good, ece_by_chance=0.0342), 0.0, 0.97)
    assert "(0.910–0.980)" in gate(report, "auc").message
    assert "(0.034 expected by chance)" in gate(report, "ece").message


def test_the_message_of_a_single_identity_says_that_there_is_no_interval(good):
    alone = replace(good, auc_low=None, auc_high=None)
    assert "no interval" in gate(check_gates(GATES, alone, 0.0, None), "auc").message


def test_a_gate_report_survives_json(good):
    report = check_gates(GATES, good, None, None)
    assert from_json(GateReport, to_json(report)) == report


def test_a_report_of_an_earlier_version_is_read(good):
    report = check_gates(GATES, good, 0.0, None)
    stored = to_json(report).replace('"message":', '"words":')
    assert '"words":' in stored
    assert from_json(GateReport, stored) == report


def test_the_excess_gate_counts_only_the_ece_beyond_chance(good):
    chance = replace(good, ece=0.09, ece_by_chance=0.07)
    assert gate(check_gates(GATES, chance, 0.0, 0.97), "ece_excess").value == pytest.approx(0.02)
    assert gate(check_gates(GATES, chance, 0.0, 0.97), "ece_excess").passed
    assert not gate(check_gates(GATES, chance, 0.0, 0.97), "ece").passed
    worse = replace(good, ece=0.15, ece_by_chance=0.07)
    assert not gate(check_gates(GATES, worse, 0.0, 0.97), "ece_excess").passed
    better = replace(good, ece=0.01, ece_by_chance=0.07)
    assert gate(check_gates(GATES, better, 0.0, 0.97), "ece_excess").value == 0.0


def test_a_gate_may_name_a_data_set(score_rows):
    named = [replace(row, source="celebdf") for row in score_rows()]
    evaluation = evaluate(named, EvaluationSettings(resamples=10), seed=1)
    limits = tuple(SourceGate(source=name, limit=0.5) for name in ("celebdf", "ffpp"))
    report = check_gates(GateSettings(sources=limits), evaluation, 0.0, None)
    rows = {row.name: row for row in report.rows}
    assert rows["auc@celebdf"].passed
    assert rows["auc@celebdf"].value == pytest.approx(evaluation.auc)
    absent = rows["auc@ffpp"]
    assert (absent.value, absent.level) == (None, "reported")
    assert absent.message.startswith("auc@ffpp was not measured: no data set ffpp")
    strict = GateSettings(sources=(SourceGate(source="celebdf", limit=1.01),))
    missed = check_gates(strict, evaluation, 0.0, None)
    assert [row.name for row in missed.rows if row.name.startswith("auc@") and not row.passed]
    assert not missed.passed


def test_labels_at_random_miss_the_gate_of_a_data_set(score_rows):
    rng = np.random.default_rng(0)
    rows = [
        replace(row, source="celebdf", is_fake=bool(rng.integers(2)), fake_video=None)
        for row in score_rows()
    ]
    evaluation = evaluate(rows, EvaluationSettings(resamples=10), seed=1)
    settings = GateSettings(sources=(SourceGate(source="celebdf", limit=0.74),))
    report = check_gates(settings, evaluation, 0.0, None)
    assert not {row.name: row for row in report.rows}["auc@celebdf"].passed
