"""Console tables and HTML page of a cross-dataset evaluation."""

import html
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from unmask.evaluation.cross_dataset import CrossEvaluation, DatasetReport, Slice
from unmask.evaluation.intervals import Estimate
from unmask.evaluation.measurement import METRICS, Measurement

LEVELS = ("video", "frame")
HEADINGS = {
    "auc": "AUC",
    "eer": "EER",
    "fpr95": "FPR at 95 % TPR",
    "ap": "AP",
    "balanced_accuracy": "balanced accuracy",
    "ece": "ECE",
}
STYLE = """body { font-family: system-ui, sans-serif; max-width: 90rem; margin: 2rem auto;
padding: 0 1rem; }
table { border-collapse: collapse; } th, td { border: 1px solid #ccc; padding: 4px 10px; }
th { text-align: left; } td.number { text-align: right; font-variant-numeric: tabular-nums; }
td.missing { color: #b00020; } path { vector-effect: non-scaling-stroke; stroke-width: 1.5; }
.chance { stroke: #bbb; } .interval { stroke: #3b6ea5; } .value { stroke: #c0504d; }"""
PLOT_PX = 160


def console_tables(evaluation: CrossEvaluation) -> Iterator[Table]:
    """Yield two tables per data set, of its clips and of its frames, one line per slice."""
    for dataset in evaluation.datasets:
        for level in LEVELS:
            title = f"{dataset.name}, {level} level"
            table = Table(title=title, title_justify="left", padding=0)
            table.add_column("slice", overflow="fold")
            for name in ("fake + genuine", *HEADINGS.values()):
                table.add_column(name, justify="right", overflow="fold")
            for kind, parts in groupby(dataset.slices, key=lambda part: part.kind):
                table.add_section()
                if kind != "all":
                    table.add_row(f"by {kind}", style="italic")
                for part in parts:
                    cells = _cells(getattr(part, level))
                    table.add_row(escape(part.name or "all"), *map(_narrow, cells))
            table.caption = _caption(evaluation, dataset)
            yield table


def write_page(evaluation: CrossEvaluation, path: Path) -> Path:
    """Write the evaluation as an HTML page; its directory is created if absent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_page(evaluation), encoding="utf-8")
    return path


def render_page(evaluation: CrossEvaluation) -> str:
    """Return the evaluation as an HTML page that loads no other file."""
    notes = "".join(f"<p>{html.escape(note)}</p>" for note in evaluation.notes)
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f"<title>Cross-dataset evaluation</title><style>{STYLE}</style></head><body>"
        f"<h1>Cross-dataset evaluation</h1>{notes}{render_data_sets(evaluation)}</body></html>\n"
    )


def render_data_sets(evaluation: CrossEvaluation) -> str:
    """Return the evaluation as HTML below a heading, for a page with the style ``STYLE``."""
    sections = "".join(_section(dataset) for dataset in evaluation.datasets)
    mean = evaluation.mean_auc
    average = "" if mean is None else f" AUC, mean over the unseen data sets: {mean.format()}."
    return (
        f"<p>Bundle {html.escape(evaluation.bundle)}. "
        f"{html.escape(_protocol(evaluation))}. In brackets: {evaluation.confidence:.0%} bootstrap "
        f"interval over identities. {html.escape(_thresholds(evaluation))}{average}</p>{sections}"
    )


def _section(dataset: DatasetReport) -> str:
    tables = "".join(_html_table(dataset, level) for level in LEVELS)
    problems = ""
    if dataset.problems:
        lines = "".join(
            f"<li>{html.escape(clip)}: {html.escape(reason)}</li>"
            for clip, reason in sorted(dataset.problems.items())
        )
        title = f"{len(dataset.problems)} of {dataset.clips} clips were not scored"
        problems = f"<details><summary>{title}</summary><ul>{lines}</ul></details>"
    return f"<h2>{html.escape(dataset.name)}</h2>{tables}{problems}"


def _html_table(dataset: DatasetReport, level: str) -> str:
    head = "".join(
        f"<th>{name}</th>"
        for name in ("slice", "people", "fake + genuine", *HEADINGS.values(), "AUC from 0 to 1")
    )
    body = "".join(_html_row(_label(part), getattr(part, level)) for part in dataset.slices)
    return f"<h3>{level.capitalize()} level</h3><table><tr>{head}</tr>{body}</table>"


def _html_row(label: str, measured: Measurement) -> str:
    counts, *estimates = _cells(measured)
    cells = [f"<td>{html.escape(label)}</td>"]
    cells += [f'<td class="number">{cell}</td>' for cell in (measured.identities, counts)]
    if measured.not_measured:
        reason = f"not measured: {html.escape(measured.not_measured)}"
        cells.append(f'<td class="missing" colspan="{len(METRICS) + 1}">{reason}</td>')
    else:
        cells += [f'<td class="number">{cell}</td>' for cell in estimates]
        cells.append(f"<td>{_interval_plot(measured.metrics['auc'])}</td>")
    return f"<tr>{''.join(cells)}</tr>"


def _interval_plot(auc: Estimate) -> str:
    """Return a drawing of the interval from 0 to 1, with a line at one half, which is chance."""
    low, high = (auc.value if end is None else end for end in (auc.low, auc.high))
    return (
        f'<svg width="{PLOT_PX}" height="12" viewBox="0 0 1 12" preserveAspectRatio="none">'
        '<path class="chance" d="M.5 0V12"/>'
        f'<path class="interval" d="M{low:.4f} 6H{high:.4f}"/>'
        f'<path class="value" d="M{auc.value:.4f} 1V11"/></svg>'
    )


def _cells(measured: Measurement) -> list[str]:
    counts = f"{measured.fakes} + {measured.reals}"
    if measured.not_measured:
        return [counts, f"not measured ({measured.not_measured})"]
    return [counts, *(measured.metrics[name].format() for name in METRICS)]


def _narrow(cell: str) -> str:
    """Break a cell into lines that fit a terminal of 80 columns."""
    lines = cell.replace(" (", "\n(").replace("–", "–\n")
    return lines.replace("one identity, no interval", "one\nperson")


def _label(part: Slice) -> str:
    return "all" if part.kind == "all" else f"{part.kind} {part.name}"


def _protocol(evaluation: CrossEvaluation) -> str:
    if evaluation.frames:
        return f"{evaluation.frames} evenly spaced frames per clip, sound not heard"
    return "Clips scored as in serving"


def _thresholds(evaluation: CrossEvaluation) -> str:
    levels = ", ".join(
        f"{name.replace('_', ' ')} {threshold:.4g}"
        for name, threshold in evaluation.thresholds.items()
    )
    return f"Balanced accuracy is measured at the bundle's own thresholds: {levels or 'unknown'}."


def _caption(evaluation: CrossEvaluation, dataset: DatasetReport) -> str:
    people = dataset.whole.video.identities
    caption = f"{dataset.clips} clips, {people} people; "
    if dataset.problems:
        caption += f"{len(dataset.problems)} not scored; "
    return f"{caption}in brackets: {evaluation.confidence:.0%} interval over identities"
