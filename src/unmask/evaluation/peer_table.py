"""Results of published detectors, in the form of those of leave-one-source-out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from unmask.config import EvaluationSettings
from unmask.evaluation.family_rows import FamilyRow, Intervals, ScoredFile, measure_families
from unmask.evaluation.held_out_markdown import family_section


@dataclass(frozen=True, slots=True)
class PeerTable:
    """Results of published detectors.

    Attributes:
        unscored: Name of the detector to ``clip_id`` to the reason why it has no score.
    """

    families: tuple[FamilyRow, ...]
    unscored: Mapping[str, Mapping[str, str]]
    confidence: float


def tabulate_peers(
    clips: Sequence[ScoredFile],
    unscored: Mapping[str, Mapping[str, str]],
    settings: EvaluationSettings,
    seed: int,
) -> PeerTable:
    """Measure published detectors by family of generators.

    Args:
        clips: With a score for each detector that has one.
        unscored: See :class:`PeerTable`; its keys are the detectors.
        seed: Seed of the resampling.
    """
    rows = measure_families(clips, tuple(unscored), Intervals(settings, seed))
    return PeerTable(rows, {k: dict(v) for k, v in unscored.items()}, settings.confidence)


def peers_page(table: PeerTable, notes: Sequence[str]) -> str:
    """Return the whole report as Markdown."""
    missing = [f"{name} has no score for {len(ids)}" for name, ids in table.unscored.items() if ids]
    lost = [f"Clips without a score: {'; '.join(missing)}."] if missing else []
    parts = ["# Published detectors", " ".join([*notes, *lost]), *family_section(table.families)]
    return "\n\n".join(parts) + "\n"
