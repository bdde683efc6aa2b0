"""Figures and curve tables of a detector's scores.

The global state of matplotlib is not used.
"""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from unmask.evaluation.metrics import Labels, Reliability, RocCurve, Scores, reliability, roc_curve
from unmask.records import ScoreRow

REAL, FAKE = "#3b6ea5", "#c0504d"


def write_plots(rows: Sequence[ScoreRow], out: Path, bins: int) -> tuple[Path, ...]:
    """Draw ROC curve, reliability diagram and score histogram, and write both curves as tables.

    Args:
        rows: Scores of one split, both classes among them.
        out: Directory, created if absent, for ``roc.png``, ``reliability.png``,
            ``scores.png``, ``roc.csv`` and ``reliability.csv``.
        bins: Bins of the reliability diagram.

    Returns:
        Paths of the five files.

    Raises:
        SingleClassError: There is no genuine or no fake clip.
    """
    out.mkdir(parents=True, exist_ok=True)
    is_fake = np.array([row.is_fake for row in rows])
    probabilities = np.array([row.probability for row in rows])
    roc = roc_curve(np.array([row.logit for row in rows]), is_fake)
    diagram = reliability(probabilities, is_fake, bins)
    return (
        _save(_draw_roc(roc), out / "roc.png"),
        _save(_draw_reliability(diagram), out / "reliability.png"),
        _save(_draw_scores(probabilities, is_fake), out / "scores.png"),
        _write_csv(out / "roc.csv", ("fpr", "tpr"), zip(roc.fpr, roc.tpr, strict=True)),
        _write_csv(
            out / "reliability.csv",
            ("probability", "fake_rate", "clips"),
            zip(diagram.confidence, diagram.observed_rate, diagram.clips, strict=True),
        ),
    )


def _draw_roc(roc: RocCurve) -> Figure:
    figure, axes = _square("False positive rate", "True positive rate")
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1, linestyle="--", label="chance")
    axes.plot(roc.fpr, roc.tpr, color=FAKE, label="detector")
    axes.axhline(0.95, color="0.85", linewidth=1, zorder=0)
    axes.legend(loc="lower right", frameon=False)
    return figure


def _draw_reliability(diagram: Reliability) -> Figure:
    figure, axes = _square("Predicted fake probability", "Observed share of fakes")
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1, linestyle="--", label="perfect calibration")
    x, y = diagram.confidence, diagram.observed_rate
    area = 300 * diagram.clips / diagram.clips.max()
    axes.plot(x, y, color=FAKE, linewidth=1)
    axes.scatter(x, y, s=area, color=FAKE, alpha=0.6, label="clips per bin")
    axes.legend(loc="upper left", frameon=False)
    return figure


def _draw_scores(probabilities: Scores, is_fake: Labels) -> Figure:
    figure, axes = _square("Fake probability", "Clips")
    axes.hist(
        [probabilities[~is_fake], probabilities[is_fake]],
        bins=np.linspace(0, 1, 21).tolist(),
        color=[REAL, FAKE],
        label=["genuine", "fake"],
    )
    axes.autoscale(axis="y")
    axes.legend(loc="upper center", frameon=False)
    return figure


def _square(x_label: str, y_label: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(5, 5), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set(xlabel=x_label, ylabel=y_label, xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    return figure, axes


def _save(figure: Figure, file: Path) -> Path:
    figure.savefig(file)
    return file


def _write_csv(file: Path, header: Sequence[str], rows: Iterable[Sequence[float]]) -> Path:
    with file.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([float(cell) for cell in row] for row in rows)
    return file
