"""Results of published detectors, in the form of those of leave-one-source-out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from unmask.config import EvaluationSettings
from unmask.evaluation.family_rows import FamilyRow, Intervals, ScoredFile, measure_families
from unmask.evaluation.held_out_markdown import family_section
from unmask.evaluation.intervals import Estimate
from unmask.evaluation.metrics import roc_auc
from unmask.evaluation.resampled_metrics import resampled_aucs
from unmask.evaluation.slices import name_missing_class
from unmask.markdown_table import markdown_table

SOURCES = (
    "Clips that each detector has scored, and the AUC of the source's fakes against the genuine "
    "clips of all sources, with its interval by resampling people."
)
HEADER = ("source", "score", "fake + genuine", "people", "AUC of its fakes")


@dataclass(frozen=True, slots=True)
class PeerSourceRow:
    """Clips of one source that a detector has scored.

    Attributes:
        auc: Fakes of the source against the genuine clips of all sources; the interval is by
            resampling people. ``None`` where nothing is measured.
        not_measured: The reason; empty otherwise.
    """

    source: str
    score: str
    fakes: int
    reals: int
    people: int
    auc: Estimate | None
    not_measured: str = ""

    def list_cells(self) -> tuple[str, ...]:
        """Return the row as text, see ``HEADER``."""
        auc = f"not measured: {self.not_measured}" if self.auc is None else self.auc.format()
        return self.source, self.score, f"{self.fakes} + {self.reals}", str(self.people), auc


@dataclass(frozen=True, slots=True)
class PeerTable:
    """Results of published detectors.

    Attributes:
        sources: A row per source and detector; empty in files of before version 0.3.
        unscored: Name of the detector to ``clip_id`` to the reason why it has no score.
    """

    families: tuple[FamilyRow, ...]
    unscored: Mapping[str, Mapping[str, str]]
    confidence: float
    sources: tuple[PeerSourceRow, ...] = ()


def tabulate_peers(
    clips: Sequence[ScoredFile],
    unscored: Mapping[str, Mapping[str, str]],
    settings: EvaluationSettings,
    seed: int,
) -> PeerTable:
    """Measure published detectors by family of generators and by source.

    Args:
        clips: With a score for each detector that has one.
        unscored: See :class:`PeerTable`; its keys are the detectors.
        seed: Seed of the resampling.
    """
    interval = Intervals(settings, seed)
    rows = measure_families(clips, tuple(unscored), interval)
    sources = tuple(
        _measure_source(source, name, clips, interval)
        for source in sorted({clip.source for clip in clips})
        for name in unscored
    )
    missing = {name: dict(reasons) for name, reasons in unscored.items()}
    return PeerTable(rows, missing, settings.confidence, sources)


def _measure_source(
    source: str, score: str, clips: Sequence[ScoredFile], interval: Intervals
) -> PeerSourceRow:
    scored = [clip for clip in clips if score in clip.scores]
    own = [clip for clip in scored if clip.source == source]
    fakes = [clip for clip in own if clip.is_fake]
    compared = [*fakes, *(clip for clip in scored if not clip.is_fake)]
    missing = name_missing_class(len(fakes), len(compared) - len(fakes))
    if missing:
        auc = None
    else:
        scores = np.array([clip.scores[score] for clip in compared], np.float64)
        is_fake = np.array([clip.is_fake for clip in compared])
        auc = interval.by(
            [clip.identity for clip in compared],
            roc_auc(scores, is_fake),
            lambda counts: resampled_aucs(scores, is_fake, counts),
            is_fake,
        )
    counts = len(fakes), len(own) - len(fakes), len({clip.identity for clip in own})
    return PeerSourceRow(source, score, *counts, auc, missing)


def peers_page(table: PeerTable, notes: Sequence[str]) -> str:
    """Return the whole report as Markdown."""
    missing = [f"{name} has no score for {len(ids)}" for name, ids in table.unscored.items() if ids]
    lost = [f"Clips without a score: {'; '.join(missing)}."] if missing else []
    parts = ["# Published detectors", " ".join([*notes, *lost]), *family_section(table.families)]
    if table.sources:
        parts += ["## By source", SOURCES]
        parts.append(markdown_table(HEADER, [row.list_cells() for row in table.sources]))
    return "\n\n".join(parts) + "\n"
