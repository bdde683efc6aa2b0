"""Gate report as files."""

from dataclasses import replace

import numpy as np
import pytest

from tests.factories import make_evaluation
from tests.toy_fixtures import make_score_row
from unmask.config import EvaluationSettings, Gate, GateSettings, SourceGate
from unmask.evaluation.baseline_comparison import BaselineComparison
from unmask.evaluation.cross_dataset import (
    DatasetScores,
    ScoredFrames,
    ScoredVideo,
    evaluate_datasets,
)
from unmask.evaluation.gate_report import write_gate_report
from unmask.evaluation.gates import GateReport, check_gates
from unmask.evaluation.roadmap import add_targets
from unmask.evaluation.serialization import load

GATES = GateSettings(
    sources=(SourceGate(source="celebdf", limit=0.5),), cross_dataset_auc=Gate(limit=0.5)
)


@pytest.fixture
def cross():
    rng = np.random.default_rng(0)
    rows = [replace(make_score_row(number, rng), source="celebdf") for number in range(40)]
    videos = tuple(
        ScoredVideo(
            row,
            row.probability > 0.5,
            ScoredFrames(rng.random(4), np.zeros(4, np.bool_), np.full(4, row.is_fake)),
        )
        for row in rows
    )
    scores = DatasetScores("celebdf", 41, videos, {"x<y": "no face"})
    return evaluate_datasets([scores], EvaluationSettings(resamples=20), 0)


def make_report(cross):
    evaluation = make_evaluation(cross_dataset=cross)
    report = check_gates(GATES, evaluation, 0.8, BaselineComparison())
    return add_targets(report, GATES, evaluation, 0.8, BaselineComparison())


def test_the_report_has_every_metric_of_a_set_that_nothing_was_trained_on(cross, tmp_path):
    report = make_report(cross)
    file, page = write_gate_report(report, tmp_path / "new")
    assert load(GateReport, file) == report
    text = page.read_text()
    section = text[text.index("<h2>Cross-dataset</h2>") :]
    for part in cross.datasets[0].slices:
        for measured in (part.video, part.frame):
            for name, estimate in measured.metrics.items():
                assert estimate.format() in section, name
    assert "manipulation face_swap" in section
    assert "x&lt;y: no face" in section
    assert "auc@celebdf" in text
    assert "http" not in text


def test_without_such_a_set_the_report_says_so_and_ticks_nothing(tmp_path):
    _, page = write_gate_report(make_report(None), tmp_path)
    text = page.read_text()
    assert "Not measured: no data set was given" in text
    targets = text[text.index("<h2>Targets") : text.index("<h2>Cross")]
    assert targets.count("not measured") == 2
    assert "<td>passed</td>" not in targets.replace(
        "at most 0.05</td><td>0.040</td><td>passed</td>", ""
    )
