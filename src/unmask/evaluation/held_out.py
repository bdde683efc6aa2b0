"""Results on sources of which a detector saw nothing, with what the facts of the files explain."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unmask.config import EvaluationSettings
from unmask.evaluation.bootstrap import Resampling, resample_metrics
from unmask.evaluation.equal_facts import MatchedPairs, match_by_facts
from unmask.evaluation.file_facts import (
    FACTS,
    FileFacts,
    compare_across_folds,
    fact_columns,
    resampled_win_shares,
)
from unmask.evaluation.generator_families import FAMILIES, OTHER, VOICE, family_of
from unmask.evaluation.intervals import Estimate, estimate_from_resamples
from unmask.evaluation.metric_keys import to_metric_keys
from unmask.evaluation.metrics import Labels, Scores, roc_auc
from unmask.evaluation.resampled_metrics import Counts, resampled_aucs
from unmask.records import ScoreRow

ALTERED_PICTURE = "altered picture"  # every fake but those of the voice
SCORES = {"clip": "logit", "face": "video_probability", "voice": "audio_probability"}


@dataclass(frozen=True, slots=True)
class HeldOutClip:
    """A clip, scored by a detector that saw neither its source nor its person nor its generator.

    Attributes:
        fold: Number of the fold in which it was tested, from 0.
        called_fake: Whether its probability is above the threshold of that fold's detector.
    """

    row: ScoreRow
    fold: int
    generator: str
    called_fake: bool
    facts: FileFacts


@dataclass(frozen=True, slots=True)
class GroupedEstimate:
    """A value with two intervals: by resampling people, and by resampling sources."""

    by_person: Estimate
    by_source: Estimate

    @property
    def value(self) -> float:
        """The value itself."""
        return self.by_person.value


@dataclass(frozen=True, slots=True)
class FamilyRow:
    """Fakes of one family against all genuine clips, by one score.

    Attributes:
        score: A key of ``SCORES``: of the clip, or of its face or voice alone. Clips without it are
            left out.
        people, sources: Number of people and of sources of the fakes.
        facts_auc: AUC of the facts of the files, by models fitted to other folds; the intervals
            hold these models fixed.
        single_facts_auc: The same of each of ``FACTS`` alone.
        equal_facts_auc: AUC against genuine clips of equal facts; ``None`` if there are none.
        matched_fakes: Number of fakes that it is of.
        unequal_fact_auc: AUC among these pairs of that number of
            :func:`unmask.evaluation.file_facts.fact_columns` for which it is furthest from 0.5, or
            one minus it. Far above 0.5, the facts are not equal enough.
    """

    family: str
    score: str
    fakes: int
    reals: int
    people: int
    sources: int
    auc: GroupedEstimate
    facts_auc: GroupedEstimate
    single_facts_auc: Mapping[str, float]
    equal_facts_auc: GroupedEstimate | None
    matched_fakes: int
    unequal_fact_auc: float | None


@dataclass(frozen=True, slots=True)
class SourceRow:
    """Clips of one source.

    Attributes:
        reals_called_fake, fakes_called_fake: Number above the threshold of the fold's detector.
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
    interval = _Intervals(settings, seed)
    rows = [
        _measure_family(family, score, subset, interval)
        for family, members in _families(clips)
        for score, field in SCORES.items()
        if (subset := _with_score(members, field)) is not None
    ]
    names = sorted({clip.row.source for clip in clips})
    return HeldOutTable(
        families=tuple(rows),
        sources=tuple(_measure_source(name, clips, interval) for name in names),
        folds=len({clip.fold for clip in clips}),
        unscored=dict(unscored),
        confidence=settings.confidence,
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
    return to_metric_keys(metrics)


@dataclass(frozen=True, slots=True)
class _Intervals:
    """How intervals are computed; each starts with the same random numbers."""

    settings: EvaluationSettings
    seed: int

    def by(
        self,
        groups: Sequence[str],
        value: float,
        resampled: Callable[[Counts], Scores],
        is_fake: Labels,
    ) -> Estimate:
        rng = np.random.default_rng(self.seed)
        confidence = self.settings.confidence
        resampling = Resampling(rng, self.settings.resamples, confidence)
        drawn = resample_metrics(
            lambda counts: {"": resampled(counts)}, is_fake, groups, resampling
        )
        values = None if drawn is None else drawn[""][np.isfinite(drawn[""])]
        return estimate_from_resamples(
            value, None if values is None or not len(values) else values, confidence
        )

    def both(
        self,
        clips: Sequence[HeldOutClip],
        value: float,
        resampled: Callable[[Counts], Scores],
    ) -> GroupedEstimate:
        is_fake = _labels(clips)
        people = [clip.row.identity for clip in clips]
        sources = [clip.row.source for clip in clips]
        return GroupedEstimate(
            self.by(people, value, resampled, is_fake), self.by(sources, value, resampled, is_fake)
        )


def _families(clips: Sequence[HeldOutClip]) -> Iterator[tuple[str, list[HeldOutClip]]]:
    """Yield each family with its fakes and all genuine clips."""
    reals = [clip for clip in clips if not clip.row.is_fake]
    by_family: dict[str, list[HeldOutClip]] = {}
    for clip in clips:
        if clip.row.is_fake:
            family = family_of(clip.row)
            by_family.setdefault(family, []).append(clip)
            if family != VOICE:
                by_family.setdefault(ALTERED_PICTURE, []).append(clip)
    for family in (ALTERED_PICTURE, *dict.fromkeys(FAMILIES.values()), OTHER):
        if family in by_family:
            yield family, [*by_family[family], *reals]


def _with_score(clips: Sequence[HeldOutClip], field: str) -> list[HeldOutClip] | None:
    """Return the clips that have a score; ``None`` if all of them are of one class."""
    scored = [clip for clip in clips if getattr(clip.row, field) is not None]
    return scored if len({clip.row.is_fake for clip in scored}) == 2 else None


def _measure_family(
    family: str, score: str, clips: Sequence[HeldOutClip], interval: _Intervals
) -> FamilyRow:
    is_fake, scores = _labels(clips), _values(clips, SCORES[score])
    facts, folds = [clip.facts for clip in clips], np.array([clip.fold for clip in clips])
    columns = fact_columns(facts)
    pairs = match_by_facts(columns, is_fake)
    wins = compare_across_folds(columns, is_fake, folds)
    fakes = [clip.row for clip in clips if clip.row.is_fake]
    return FamilyRow(
        family=family,
        score=score,
        fakes=len(fakes),
        reals=len(clips) - len(fakes),
        people=len({row.identity for row in fakes}),
        sources=len({row.source for row in fakes}),
        auc=_estimate_auc(clips, scores, interval),
        facts_auc=interval.both(
            clips, float(wins.mean()), lambda counts: resampled_win_shares(wins, is_fake, counts)
        ),
        single_facts_auc=_single_facts(facts, is_fake, folds),
        equal_facts_auc=_estimate_equal_facts(clips, scores, pairs, interval),
        matched_fakes=pairs.matched_fakes,
        unequal_fact_auc=_unequal_fact_auc(columns, pairs),
    )


def _estimate_auc(
    clips: Sequence[HeldOutClip], scores: Scores, interval: _Intervals
) -> GroupedEstimate:
    is_fake = _labels(clips)
    return interval.both(
        clips,
        roc_auc(scores, is_fake),
        lambda counts: resampled_aucs(scores, is_fake, counts),
    )


def _estimate_equal_facts(
    clips: Sequence[HeldOutClip], scores: Scores, pairs: MatchedPairs, interval: _Intervals
) -> GroupedEstimate | None:
    value = pairs.auc(scores)
    if value is None:
        return None
    return interval.both(clips, value, lambda counts: pairs.resampled_aucs(scores, counts))


def _unequal_fact_auc(columns: Scores, pairs: MatchedPairs) -> float | None:
    areas = [pairs.auc(column) for column in columns.T]
    return max((max(area, 1 - area) for area in areas if area is not None), default=None)


def _single_facts(
    facts: Sequence[FileFacts], is_fake: Labels, folds: NDArray[np.int64]
) -> dict[str, float]:
    return {
        name: float(compare_across_folds(fact_columns(facts, [name]), is_fake, folds).mean())
        for name in FACTS
    }


def _measure_source(source: str, clips: Sequence[HeldOutClip], interval: _Intervals) -> SourceRow:
    own = [clip for clip in clips if clip.row.source == source]
    fakes = [clip for clip in own if clip.row.is_fake]
    reals = [clip for clip in own if not clip.row.is_fake]
    all_reals = [clip for clip in clips if not clip.row.is_fake]
    auc = None
    if fakes and all_reals:
        compared = [*fakes, *all_reals]
        auc = _estimate_auc(compared, _values(compared, SCORES["clip"]), interval).by_person
    return SourceRow(
        source=source,
        fold=own[0].fold,
        people=len({clip.row.identity for clip in own}),
        reals=len(reals),
        reals_called_fake=sum(clip.called_fake for clip in reals),
        fakes=len(fakes),
        fakes_called_fake=sum(clip.called_fake for clip in fakes),
        auc=auc,
    )


def _labels(clips: Sequence[HeldOutClip]) -> Labels:
    return np.array([clip.row.is_fake for clip in clips])


def _values(clips: Sequence[HeldOutClip], field: str) -> Scores:
    return np.array([getattr(clip.row, field) for clip in clips], np.float64)
