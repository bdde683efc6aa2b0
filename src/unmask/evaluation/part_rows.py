"""Rows of an evaluation per source, kind of manipulation and compression level."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from unmask.evaluation.auc_estimate import AucEstimate, UnmeasuredAuc
from unmask.evaluation.evaluate import Evaluation
from unmask.evaluation.intervals import Estimate
from unmask.evaluation.slices import PartOfClips, SliceKind
from unmask.markdown_table import markdown_table

HEADINGS = ("clips", "fake + genuine", "AUC", "FPR at 95 % TPR")


@dataclass(frozen=True, slots=True)
class PartRow(PartOfClips):
    """Metrics of a part of the clips, each with its interval.

    Attributes:
        auc: ``None`` where nothing is measured.
        fpr95: False positive rate at a true positive rate of 95 %, of sources alone.
    """

    auc: Estimate | None = None
    fpr95: Estimate | None = None

    def list_cells(self) -> tuple[str, str, str, str]:
        """Return the row as text, see ``HEADINGS``."""
        auc = f"not measured: {self.not_measured}" if self.auc is None else self.auc.format()
        fpr95 = "" if self.fpr95 is None else self.fpr95.format()
        return self.title, f"{self.fakes} + {self.reals}", auc, fpr95


def list_rows(evaluation: Evaluation) -> tuple[PartRow, ...]:
    """Return the rows of all parts, also where one repeats another.

    Without those of sources in an evaluation of clips that name none.
    """
    sources, fprs = evaluation.by_source, evaluation.fpr95_by_source
    return (
        *(_row("source", name, auc, fprs.get(name)) for name, auc in sources.items()),
        *_rows("manipulation", evaluation.by_manipulation),
        *(_row("compression", *level) for level in _single_levels(evaluation)),
        *_rows("compression", evaluation.by_compression),
    )


def to_markdown(rows: Sequence[PartRow]) -> str:
    """Return the rows as a Markdown table."""
    return markdown_table(HEADINGS, [row.list_cells() for row in rows])


def _single_levels(evaluation: Evaluation) -> Iterator[tuple[str, AucEstimate | UnmeasuredAuc]]:
    """Yield the level of each source that has only one, with the AUC of the source."""
    for source, levels in evaluation.levels.items():
        if len(levels) == 1:
            prefix = f"{source}/" if len(evaluation.levels) > 1 else ""
            auc = evaluation.by_source.get(source, evaluation.auc_estimate)
            yield f"{prefix}{levels[0]}", auc


def _rows(
    kind: SliceKind, parts: Mapping[str, AucEstimate] | Mapping[str, AucEstimate | UnmeasuredAuc]
) -> Iterator[PartRow]:
    return (_row(kind, name, auc) for name, auc in parts.items())


def _row(
    kind: SliceKind, name: str, auc: AucEstimate | UnmeasuredAuc, fpr95: Estimate | None = None
) -> PartRow:
    counts = auc.fakes, auc.reals
    if isinstance(auc, UnmeasuredAuc):
        return PartRow(kind, name, *counts, auc.not_measured)
    return PartRow(kind, name, *counts, auc=Estimate(auc.value, auc.low, auc.high), fpr95=fpr95)
