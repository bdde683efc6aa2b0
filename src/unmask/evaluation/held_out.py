"""Results on sources of which a detector saw nothing, with what the facts of the files explain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from unmask.config import EvaluationSettings
from unmask.evaluation.family_rows import FamilyRow, Intervals, ScoredFile, measure_families
from unmask.evaluation.file_facts import FileFacts
from unmask.evaluation.generator_families import family_of
from unmask.evaluation.intervals import Estimate
from unmask.evaluation.metric_keys import to_metric_keys
from unmask.evaluation.metrics import roc_auc
from unmask.evaluation.resampled_metrics import resampled_aucs
from unmask.records import ScoreRow

SCORES = {"clip": "logit", "face": "video_probability", "voice": "audio_probability"}


@dataclass(frozen=True, slots=True)
class HeldOutClip:
    """A clip, scored by a detector that saw neither its source nor its person nor its generator.

    Attributes:
        fold: Number of the fold in which it was tested, from 0.
        called_fake: Whether its probability is above the threshold of that fold's detector.
        called_real: Whether it is below the lower one.
        peers: Scores of other detectors by name; one that could not score it is absent.
    """

    row: ScoreRow
    fold: int
    generator: str
    called_fake: bool
    facts: FileFacts
    peers: Mapping[str, float] = field(default_factory=dict)
    called_real: bool = False


@dataclass(frozen=True, slots=True)
class SourceRow:
    """Clips of one source.

    Attributes:
        reals_called_fake, fakes_called_fake: Number above the threshold of the fold's detector.
        verdicts: Number of clips called fake or real.
        auc: Fakes of the source against the genuine clips of all sources; the interval is by
            resampling people. ``None`` without fakes.
    """

    source: str
    fold: int
    people: int
    reals: int
    reals_called_fake: int
    fakes: int
    fakes_called_fake: int
    auc: Estimate | None
    verdicts: int = 0


@dataclass(frozen=True, slots=True)
class HeldOutTable:
    """Results of leave-one-source-out.

    Attributes:
        unscored: ``clip_id`` of each tested clip without a score, to the reason.
    """

    families: tuple[FamilyRow, ...]
    sources: tuple[SourceRow, ...]
    folds: int
    unscored: Mapping[str, str]
    confidence: float


def tabulate_held_out(
    clips: Sequence[HeldOutClip],
    unscored: Mapping[str, str],
    settings: EvaluationSettings,
    seed: int,
) -> HeldOutTable:
    """Measure pooled calibrated scores by family of generators and by source.

    Args:
        clips: Clips of all folds.
        seed: Seed of the resampling.

    Returns:
        Families without fakes, or without a score of a kind, have no row.
    """
    interval = Intervals(settings, seed)
    peers = dict.fromkeys(name for clip in clips for name in clip.peers)
    rows = measure_families([_scored_file(clip) for clip in clips], [*SCORES, *peers], interval)
    names = sorted({clip.row.source for clip in clips})
    return HeldOutTable(
        families=rows,
        sources=tuple(_measure_source(name, clips, interval) for name in names),
        folds=len({clip.fold for clip in clips}),
        unscored=dict(unscored),
        confidence=settings.confidence,
    )


def _scored_file(clip: HeldOutClip) -> ScoredFile:
    row = clip.row
    own = {name: getattr(row, key) for name, key in SCORES.items()}
    return ScoredFile(
        row.identity,
        row.source,
        row.is_fake,
        family_of(row) if row.is_fake else "",
        clip.fold,
        clip.facts,
        {name: value for name, value in own.items() if value is not None} | dict(clip.peers),
    )


def to_metrics(table: HeldOutTable) -> dict[str, float]:
    """Return the metrics for an experiment tracker; ``mlflow/README.md`` defines them."""
    metrics: dict[str, float] = {}
    for row in table.families:
        name = row.family if row.score == "clip" else f"{row.family}_by_{row.score}"
        metrics |= row.auc.by_source.to_metrics(f"auc_of_{name}")
        metrics[f"facts_auc_of_{name}"] = row.facts_auc.value
        if row.equal_facts_auc is not None:
            metrics[f"equal_facts_auc_of_{name}"] = row.equal_facts_auc.value
    reals = sum(row.reals for row in table.sources)
    if reals:
        metrics["called_fake_share"] = sum(row.reals_called_fake for row in table.sources) / reals
    if clips := sum(row.reals + row.fakes for row in table.sources):
        metrics["verdict_share"] = sum(row.verdicts for row in table.sources) / clips
    return to_metric_keys(metrics)


def _measure_source(source: str, clips: Sequence[HeldOutClip], interval: Intervals) -> SourceRow:
    own = [clip for clip in clips if clip.row.source == source]
    fakes = [clip for clip in own if clip.row.is_fake]
    reals = [clip for clip in own if not clip.row.is_fake]
    all_reals = [clip for clip in clips if not clip.row.is_fake]
    auc = None
    if fakes and all_reals:
        compared = [*fakes, *all_reals]
        scores = np.array([clip.row.logit for clip in compared])
        is_fake = np.array([clip.row.is_fake for clip in compared])
        auc = interval.by(
            [clip.row.identity for clip in compared],
            roc_auc(scores, is_fake),
            lambda counts: resampled_aucs(scores, is_fake, counts),
            is_fake,
        )
    return SourceRow(
        source=source,
        fold=own[0].fold,
        people=len({clip.row.identity for clip in own}),
        reals=len(reals),
        reals_called_fake=sum(clip.called_fake for clip in reals),
        fakes=len(fakes),
        fakes_called_fake=sum(clip.called_fake for clip in fakes),
        auc=auc,
        verdicts=sum(clip.called_fake or clip.called_real for clip in own),
    )
