"""Scores of detectors by family of generators, with what the facts of the files explain."""

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
from unmask.evaluation.generator_families import ORDER, VOICE
from unmask.evaluation.intervals import Estimate, estimate_from_resamples
from unmask.evaluation.metrics import Labels, Scores, roc_auc
from unmask.evaluation.resampled_metrics import Counts, resampled_aucs

ALTERED_PICTURE = "altered picture"  # every fake but those of the voice


@dataclass(frozen=True, slots=True)
class ScoredFile:
    """A clip with the scores of one or more detectors.

    Attributes:
        family: Family of a fake's generator, see
            :func:`unmask.evaluation.generator_families.family_of`; empty for a genuine clip.
        fold: Number of the fold in which its source was tested, from 0.
        scores: By name, higher for fakes; a detector that could not score it is absent.
    """

    identity: str
    source: str
    is_fake: bool
    family: str
    fold: int
    facts: FileFacts
    scores: Mapping[str, float]


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
        score: Name of the score. Clips without it are left out.
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
class Intervals:
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
        """Return a value with its interval by resampling groups.

        Args:
            groups: Group of each clip.
            resampled: Returns the value of each resample, given by the count of each clip.
        """
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
        clips: Sequence[ScoredFile],
        value: float,
        resampled: Callable[[Counts], Scores],
    ) -> GroupedEstimate:
        """Return a value with its intervals by person and by source."""
        is_fake = _labels(clips)
        people = [clip.identity for clip in clips]
        sources = [clip.source for clip in clips]
        return GroupedEstimate(
            self.by(people, value, resampled, is_fake), self.by(sources, value, resampled, is_fake)
        )


def measure_families(
    clips: Sequence[ScoredFile], scores: Sequence[str], interval: Intervals
) -> tuple[FamilyRow, ...]:
    """Compare the fakes of each family with all genuine clips, by each of ``scores``.

    Returns:
        Families without fakes, or without a score of a kind, have no row.
    """
    return tuple(
        _measure_family(family, score, subset, interval)
        for family, members in _families(clips)
        for score in scores
        if (subset := _with_score(members, score)) is not None
    )


def _families(clips: Sequence[ScoredFile]) -> Iterator[tuple[str, list[ScoredFile]]]:
    """Yield each family with its fakes and all genuine clips."""
    reals = [clip for clip in clips if not clip.is_fake]
    by_family: dict[str, list[ScoredFile]] = {}
    for clip in clips:
        if clip.is_fake:
            by_family.setdefault(clip.family, []).append(clip)
            if clip.family != VOICE:
                by_family.setdefault(ALTERED_PICTURE, []).append(clip)
    for family in (ALTERED_PICTURE, *ORDER):
        if family in by_family:
            yield family, [*by_family[family], *reals]


def _with_score(clips: Sequence[ScoredFile], score: str) -> list[ScoredFile] | None:
    """Return the clips that have a score; ``None`` if all of them are of one class."""
    scored = [clip for clip in clips if score in clip.scores]
    return scored if len({clip.is_fake for clip in scored}) == 2 else None


def _measure_family(
    family: str, score: str, clips: Sequence[ScoredFile], interval: Intervals
) -> FamilyRow:
    is_fake, scores = _labels(clips), _values(clips, score)
    facts, folds = [clip.facts for clip in clips], np.array([clip.fold for clip in clips])
    columns = fact_columns(facts)
    pairs = match_by_facts(columns, is_fake)
    wins = compare_across_folds(columns, is_fake, folds)
    fakes = [clip for clip in clips if clip.is_fake]
    return FamilyRow(
        family=family,
        score=score,
        fakes=len(fakes),
        reals=len(clips) - len(fakes),
        people=len({clip.identity for clip in fakes}),
        sources=len({clip.source for clip in fakes}),
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
    clips: Sequence[ScoredFile], scores: Scores, interval: Intervals
) -> GroupedEstimate:
    is_fake = _labels(clips)
    return interval.both(
        clips,
        roc_auc(scores, is_fake),
        lambda counts: resampled_aucs(scores, is_fake, counts),
    )


def _estimate_equal_facts(
    clips: Sequence[ScoredFile], scores: Scores, pairs: MatchedPairs, interval: Intervals
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


def _labels(clips: Sequence[ScoredFile]) -> Labels:
    return np.array([clip.is_fake for clip in clips])


def _values(clips: Sequence[ScoredFile], score: str) -> Scores:
    return np.array([clip.scores[score] for clip in clips], np.float64)
