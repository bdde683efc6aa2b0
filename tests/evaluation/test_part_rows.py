from dataclasses import replace

import pytest

from unmask.config import EvaluationSettings, GateSettings
from unmask.evaluation.baseline_comparison import BaselineComparison, BaselineSource
from unmask.evaluation.console_tables import part_table
from unmask.evaluation.evaluate import evaluate
from unmask.evaluation.gate_report import PARTS, render_page
from unmask.evaluation.gates import GateReport, check_gates
from unmask.evaluation.part_rows import list_rows, to_markdown
from unmask.evaluation.serialization import load, save

SETTINGS = EvaluationSettings(resamples=20)
PLACES = ("ffpp", "c23"), ("ffpp", "c40"), ("avlips", ""), ("dfd", "c23")


@pytest.fixture
def evaluation(score_rows):
    """Scores of three data sets, and of a fourth with fakes alone."""
    rows = []
    for number, row in enumerate(score_rows()):
        source, compression = PLACES[number // 8 % 4]
        source = "kodf" if row.manipulation == "voice" and source == "avlips" else source
        rows.append(replace(row, source=source, compression=compression))
    return evaluate(rows, SETTINGS, seed=1)


def test_every_source_kind_and_level_has_a_row(evaluation):
    rows = {row.title: row for row in list_rows(evaluation)}
    assert list(rows) == [
        *(f"source {name}" for name in ("avlips", "dfd", "ffpp", "kodf")),
        "manipulation avlips/face_swap",
        *(f"manipulation {name}" for name in ("dfd/face_swap", "dfd/voice")),
        *(f"manipulation {name}" for name in ("ffpp/face_swap", "ffpp/voice", "kodf/voice")),
        *(f"compression {name}" for name in ("dfd/c23", "ffpp/c23", "ffpp/c40")),
    ]
    for name in ("avlips", "dfd", "ffpp"):
        assert rows[f"source {name}"].auc.value == evaluation.by_source[name].value
        assert rows[f"source {name}"].fpr95 == evaluation.fpr95_by_source[name]
    assert rows["compression dfd/c23"].auc == rows["source dfd"].auc
    assert rows["source kodf"].not_measured == "no genuine clips"


def test_the_gate_report_shows_every_row_whatever_the_gates_name(evaluation, tmp_path, render):
    report = check_gates(GateSettings(), evaluation, 0.0, BaselineComparison())
    assert load(GateReport, save(report, tmp_path / "gates.json")) == report
    page, console = render_page(report), render(part_table(report))
    section = page[page.index(f"<h2>{PARTS}</h2>") : page.index("<h2>Cross-dataset</h2>")]
    for row in list_rows(evaluation):
        cells = row.list_cells()
        assert "".join(f"<td>{cell}</td>" for cell in cells) in section
        assert f"| {' | '.join(cells)} |" in to_markdown(report.parts)
        assert row.name in console
    assert "not measured: no genuine clips" in section


def test_the_gate_report_compares_each_source_with_the_baseline(evaluation):
    row = BaselineSource("source", "ffpp", 9, 8, auc=0.9, difference=-0.012, lower=-0.05)
    few = BaselineSource("source", "kodf", 2, 8, "too few clips, a row takes 5 of each")
    baseline = BaselineComparison("baseline", 0.9, -0.012, -0.05, 0.01, sources=(row, few))
    page = render_page(check_gates(GateSettings(), evaluation, 0.0, baseline))
    section = page[page.index("<h2>Pinned baseline</h2>") :]
    assert (
        "<td>source ffpp</td><td>9 + 8</td><td>0.900</td><td>-0.012</td><td>-0.050</td>" in section
    )
    assert "<td>source kodf</td><td>2 + 8</td><td>not measured: too few clips" in section


def test_a_report_without_rows_stays_readable(evaluation, tmp_path):
    report = check_gates(GateSettings(), evaluation, 0.0, BaselineComparison())
    old = replace(report, parts=())
    assert PARTS not in render_page(old)
