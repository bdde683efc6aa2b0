from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tests.factories import make_clip, make_evaluation
from unmask.config import EvaluationSettings, Gate, GateSettings
from unmask.evaluation.baseline_comparison import BaselineComparison
from unmask.evaluation.gates import check_gates
from unmask.evaluation.serialization import from_json, to_json
from unmask.robustness.adversarial_report import RobustnessReport
from unmask.robustness.robustness_page import render_page
from unmask.robustness.transmitted_report import (
    TransmittedReport,
    TransmittedScores,
    compare_parts,
    compare_stages,
)

SETTINGS = EvaluationSettings(resamples=200)
LABELS = np.array([False, True] * 10)


@pytest.fixture(scope="module")
def row():
    rng = np.random.default_rng(0)
    encoded = rng.normal(0, 1, 20) + 3 * LABELS
    scores = TransmittedScores(encoded + rng.normal(0, 1, 20), encoded, encoded - 2.5 * LABELS)
    clips = [
        make_clip(clip_id=str(n), identity=str(n // 4), fake_video=bool(fake), is_fake=bool(fake))
        for n, fake in enumerate(LABELS)
    ]
    scores.original[3] = np.nan
    return compare_stages("white_box", 23, clips, scores, SETTINGS, 1), scores


def test_a_row_agrees_with_scikit_learn_on_the_clips_of_all_stages(row):
    row, scores = row
    common = np.arange(20) != 3
    aucs = [
        roc_auc_score(LABELS[common], values[common])
        for values in (scores.original, scores.encoded, scores.attacked)
    ]
    measured = row.original_auc.value, row.encoded_auc.value, row.auc.value
    assert measured == pytest.approx(aucs)
    assert (row.clips, row.fakes, row.lost) == (19, 9, 1)
    assert row.drop.value == pytest.approx(aucs[1] - aucs[2])
    assert row.encoding_drop.value == pytest.approx(aucs[0] - aucs[1])
    threshold = scores.encoded[~LABELS].max()  # 5 % of ten genuine clips is none
    fakes = LABELS & common
    detected = fakes & (scores.encoded > threshold)
    assert row.evasion.value == pytest.approx((scores.attacked[detected] <= threshold).mean())
    for estimate in (row.drop, row.evasion, row.encoding_drop):
        assert estimate.low <= estimate.value <= estimate.high
    assert row.drop.low < row.drop.high


def make_report(row):
    better = replace(row, attacker="noise", drop=replace(row.drop, value=0.01))
    return TransmittedReport(0.95, 8, (better, row), "uploads <a fake>", ("nothing else",))


@pytest.mark.parametrize(("limit", "passes"), [(1.0, True), (0.05, False)])
def test_the_gate_reads_the_worst_attacker(row, limit, passes):
    report = make_report(row[0])
    gates = GateSettings(transmitted_drop=Gate(limit=limit))
    checked = check_gates(
        gates, make_evaluation(auc=0.95), 0.0, BaselineComparison(), None, report.to_gate()
    )
    result = {each.name: each for each in checked.rows}["transmitted_drop"]
    assert (result.value, result.passed) == (row[0].drop.value, passes)
    assert "white_box, CRF 23" in result.message


def test_a_gate_without_a_measurement_fails_unless_there_is_nothing_to_measure():
    gates = GateSettings(transmitted_drop=Gate(limit=0.05))
    for result in (None, TransmittedReport(0.95, 8).to_gate()):
        checked = check_gates(
            gates, make_evaluation(auc=0.95), 0.0, BaselineComparison(), None, result
        )
        assert not checked.passed


def test_metrics_json_and_page_carry_the_rows(row):
    report = RobustnessReport("test", 9, 0.9, (), transmitted=make_report(row[0]))
    metrics = report.to_metrics()
    assert metrics["transmitted_drop_white_box_23"] == row[0].drop.value
    assert metrics["transmitted_drop_white_box_23_low"] == row[0].drop.low
    assert metrics["transmitted_evasion_noise_23"] == row[0].evasion.value
    assert from_json(RobustnessReport, to_json(report)) == report
    page = render_page(report)
    assert row[0].drop.format("+") in page
    assert "uploads &lt;a fake&gt;" in page
    assert "Not measured" in render_page(replace(report, transmitted=None))


def test_parts_have_the_rows_of_their_clips_alone():
    rng = np.random.default_rng(3)
    labels = np.array([False, True] * 20)
    clips = [
        make_clip(
            clip_id=str(n),
            identity=str(n // 4),
            fake_video=bool(fake),
            source=("celebdf", "ffpp", "few")[0 if n < 20 else 1 if n < 36 else 2],
            manipulation="swap" if fake else "none",
        )
        for n, fake in enumerate(labels)
    ]
    encoded = rng.normal(0, 1, 40) + 2 * labels
    scores = TransmittedScores(encoded, encoded, encoded - rng.random(40) * labels)
    parts = list(compare_parts({("noise", 23): scores}, clips, SETTINGS, 1))
    assert [part.title for part in parts] == [
        *("source celebdf", "source few", "source ffpp"),
        *("manipulation celebdf/swap", "manipulation few/swap", "manipulation ffpp/swap"),
    ]
    own = TransmittedScores(*(values[20:36] for values in (encoded, encoded, scores.attacked)))
    assert parts[2].rows == (compare_stages("noise", 23, clips[20:36], own, SETTINGS, 1),)
    assert (parts[1].rows, parts[1].not_measured[:12]) == ((), "too few clip")
    report = TransmittedReport(0.95, 8, parts[0].rows, parts=tuple(parts))
    logged = {key: value for key, value in report.to_metrics().items() if "/source/" in key}
    assert logged == {
        "transmitted_drop_noise_23/source/celebdf": parts[0].rows[0].drop.value,
        "transmitted_drop_noise_23/source/ffpp": parts[2].rows[0].drop.value,
    }
    assert from_json(TransmittedReport, to_json(report)) == report
    page = render_page(RobustnessReport("test", 40, 0.9, (), transmitted=report))
    assert "<td>source ffpp</td><td>noise</td>" in page
    assert "<td>source few (2 fake + 2 genuine): too few clips, a row takes 5 of each</td>" in page
