"""HTML page of an adversarial evaluation."""

import html
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from unmask.evaluation.intervals import Estimate
from unmask.evaluation.slices import describe_left_out
from unmask.robustness.adversarial_report import AttackPart, AttackRow, RobustnessReport
from unmask.robustness.transmitted_report import (
    TransmittedPart,
    TransmittedReport,
    TransmittedRow,
)

STYLE = """body { font-family: system-ui, sans-serif; max-width: 80rem; margin: 2rem auto;
padding: 0 1rem; }
table { border-collapse: collapse; } th, td { border: 1px solid #ccc; padding: 4px 10px; }
th { text-align: left; } td + td { text-align: right; font-variant-numeric: tabular-nums; }"""
TRANSMITTED_HEAD = (
    *("attacker", "CRF", "genuine", "fakes", "AUC of the files", "AUC encoded"),
    *("lost by encoding", "AUC attacked", "drop", "evasion", "not scored"),
)
Cells = tuple[str, ...]

WHITE_BOX_HEAD = ("attack", "input", "budget", "score", "clips", "AUC", "drop", "evasion")


def render_page(report: RobustnessReport) -> str:
    """Return the report as an HTML page that loads no other file."""
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Robustness</title>'
        f"<style>{STYLE}</style></head><body><h1>Robustness</h1>{render_body(report)}"
        "</body></html>\n"
    )


def render_body(report: RobustnessReport) -> str:
    """Return what the page has below its title, with headings of the second level."""
    model = report.threat_model
    facts = {
        "The attacker knows": model.knows,
        "changes": model.changes,
        "cannot change": model.cannot,
        "budget": model.epsilon,
        "protocol": report.protocol,
        "not attacked": "; ".join(report.skipped),
    }
    rows = [_white_box_cells(row) for row in report.rows]
    return (
        f"{''.join(map(_paragraph, report.untrained))}"
        f"{_paragraph(describe_left_out(report.left_out))}"
        f"{_transmitted_section(report.transmitted)}"
        "<h2>White-box attacks on the aligned faces and the sound</h2>"
        f"<p>AUC without attack: {report.clean_auc:.3f}.</p>{_list(facts)}"
        f"{_table(WHITE_BOX_HEAD, rows)}"
        f"{_parts(report.parts, WHITE_BOX_HEAD, _white_box_cells)}"
    )


def _paragraph(text: str) -> str:
    return f"<p>{html.escape(text)}</p>" if text else ""


def _white_box_cells(row: AttackRow) -> Cells:
    return (
        *(row.method, row.target, f"{row.epsilon:g}", row.view),
        "all" if row.clips is None else str(row.clips),
        *(f"{row.auc:.3f}", f"{row.drop:+.3f}", _format_rate(row.evasion)),
    )


def _transmitted_cells(row: TransmittedRow) -> Cells:
    return (
        *(row.attacker, str(row.crf), str(row.clips - row.fakes), str(row.fakes)),
        *(row.original_auc.format(), row.encoded_auc.format(), row.encoding_drop.format("+")),
        *(row.auc.format(), row.drop.format("+"), _format(row.evasion), str(row.lost)),
    )


def _transmitted_section(report: TransmittedReport | None) -> str:
    heading = "<h2>Attacks on the uploaded file, behind H.264</h2>"
    if report is None:
        return f"{heading}<p>Not measured.</p>"
    if not report.rows:
        reason = report.unmeasurable or "no clip could be scored at every stage"
        return f"{heading}<p>Not measured: {html.escape(reason)}.</p>"
    rows = [_transmitted_cells(row) for row in report.rows]
    notes = "".join(f"<li>{html.escape(note)}</li>" for note in report.notes)
    return (
        f"{heading}<p>The attacker {html.escape(report.attacker)}.</p><ul>{notes}</ul>"
        f"{_table(TRANSMITTED_HEAD, rows)}<p>In brackets: {report.confidence:.0%} bootstrap "
        "interval over identities.</p>"
        f"{_parts(report.parts, TRANSMITTED_HEAD, _transmitted_cells)}"
    )


def _parts(
    parts: Sequence[AttackPart | TransmittedPart],
    head: Sequence[str],
    to_cells: Callable[[Any], Cells],
) -> str:
    """Return the rows of each part, or why it has none; nothing where there are no parts."""
    if not parts:
        return ""
    rows = [
        (f"{part.heading}: {part.not_measured}",) if row is None else (part.title, *to_cells(row))
        for part in parts
        for row in part.rows or (None,)
    ]
    caption = "<h3>Per source, kind of fakes and compression level</h3>"
    return f"{caption}{_table(('clips', *head), rows)}"


def _format(estimate: Estimate | None) -> str:
    return "no fake is found" if estimate is None else estimate.format()


def _format_rate(rate: float | None) -> str:
    return "no fake is found" if rate is None else f"{rate:.0%}"


def _list(facts: dict[str, str]) -> str:
    lines = [f"<dt>{name}</dt><dd>{html.escape(text)}</dd>" for name, text in facts.items() if text]
    return f"<dl>{''.join(lines)}</dl>"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    titles = "".join(f"<th>{name}</th>" for name in head)
    body = "".join(
        f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    return f"<table><tr>{titles}</tr>{body}</table>"
