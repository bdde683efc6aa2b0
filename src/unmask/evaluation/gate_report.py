"""Gate report as files: gates, the roadmap's targets, and metrics per part of the test clips."""

import html
from collections.abc import Iterable, Sequence
from pathlib import Path

from unmask.evaluation import (
    localisation_report,
    measured_verdicts,
    output_calibration,
    part_rows,
    roadmap,
)
from unmask.evaluation.baseline_comparison import PART_HEADINGS
from unmask.evaluation.cross_dataset import CrossEvaluation
from unmask.evaluation.cross_dataset_tables import STYLE, render_data_sets
from unmask.evaluation.gates import GateReport
from unmask.evaluation.localisation_report import LENGTH_HEADINGS, LocalisationReport
from unmask.evaluation.serialization import save
from unmask.markdown_table import markdown_table

GATE_HEADINGS = ("gate", "level", "verdict", "result")
PARTS = "Per source, kind of manipulation and compression level"
PARTS_NOTE = (
    "Test clips of the headline. The fakes of a kind are compared with the genuine clips of their "
    "source, or with all where it has none. In brackets: bootstrap interval over identities."
)
VERDICTS = "Verdicts: promised and measured"
VERDICTS_NOTE = "Test clips of the headline. The exact interval takes clips as independent."
LOCALISATION = "Localisation of forged segments"
OUTPUTS = "Calibration of every output by its own label"
NO_DATA_SET = "Not measured: no data set was given that has test clips and none to train on."


def write_gate_report(report: GateReport, folder: Path) -> tuple[Path, Path]:
    """Write ``gates.json`` and ``gates.html``; the folder is created if absent."""
    file = save(report, folder / "gates.json")
    page = folder / "gates.html"
    page.write_text(render_page(report), encoding="utf-8")
    return file, page


def render_page(report: GateReport) -> str:
    """Return the gate report as an HTML page that loads no other file."""
    title = _title(report)
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{title}</title><style>{STYLE}</style></head><body><h1>{title}</h1>"
        f"{render_body(report)}</body></html>\n"
    )


def render_body(report: GateReport) -> str:
    """Return what the page has below its title, with headings of the second level."""
    parts = [_table(GATE_HEADINGS, _list_gates(report))]
    parts += [f"<p>{html.escape(note)}</p>" for note in report.notes]
    if report.targets:
        targets = [roadmap.list_cells(row) for row in report.targets]
        parts += ["<h2>Targets of the roadmap</h2>", _table(roadmap.HEADINGS, targets)]
    if report.verdicts is not None:
        parts += [f"<h2>{VERDICTS}</h2>", f"<p>{VERDICTS_NOTE}</p>"]
        parts.append(_table(measured_verdicts.HEADINGS, report.verdicts.list_rows()))
    if report.outputs:
        outputs = [output.list_cells(name) for name, output in report.outputs.items()]
        parts += [f"<h2>{OUTPUTS}</h2>", _table(output_calibration.HEADINGS, outputs)]
    parts += _localisation(report.localisation)
    if report.parts:
        rows = [row.list_cells() for row in report.parts]
        parts += [f"<h2>{PARTS}</h2>", f"<p>{PARTS_NOTE}</p>", _table(part_rows.HEADINGS, rows)]
    if report.baseline:
        sources = [row.list_cells() for row in report.baseline]
        parts += ["<h2>Pinned baseline</h2>", _table(PART_HEADINGS, sources)]
    parts += ["<h2>Cross-dataset</h2>", _cross_dataset(report.cross_dataset)]
    return "".join(parts)


def to_markdown(report: GateReport) -> str:
    """Return gates, notes and the metrics per part of the test clips as Markdown."""
    parts = [f"**{_title(report)}**", markdown_table(GATE_HEADINGS, _list_gates(report))]
    parts += report.notes
    if report.parts:
        parts += [f"**{PARTS}**", part_rows.to_markdown(report.parts)]
    return "\n\n".join(parts)


def _title(report: GateReport) -> str:
    return f"Gates: {report.outcome}"


def _list_gates(report: GateReport) -> list[tuple[str, str, str, str]]:
    return [(row.name, row.level, row.verdict, row.message) for row in report.rows]


def _localisation(report: LocalisationReport | None) -> list[str]:
    if report is None:
        return []
    parts = [f"<h2>{LOCALISATION}</h2>", f"<p>{html.escape(report.describe())}</p>"]
    if report.rows:
        parts.append(_table(localisation_report.HEADINGS, [r.list_cells() for r in report.rows]))
        lengths = [*report.by_forged_length, *report.by_clip_length]
        parts.append(_table(LENGTH_HEADINGS, [row.list_cells() for row in lengths if row.clips]))
    if report.parts:
        cells = [row.list_cells() for row in report.parts]
        parts.append(_table(localisation_report.PART_HEADINGS, cells))
    return parts


def _cross_dataset(evaluation: CrossEvaluation | None) -> str:
    if evaluation is None or not evaluation.datasets:
        return f"<p>{NO_DATA_SET}</p>"
    return render_data_sets(evaluation)


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{heading}</th>" for heading in headings)
    body = "".join(
        f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"
