"""Calibration domain: which footage is like the calibration clips.

A Mahalanobis distance of footage statistics (Lee et al., "A Simple Unified Framework for Detecting
Out-of-Distribution Samples and Adversarial Attacks", NeurIPS 2018), and the largest deviation of a
single fact, which that distance averages away, as where a video is like the calibration clips in
all but how strongly it is compressed. Both have a split-conformal limit. The clips of each person
are measured against those of the other people, as a new video shows a new person.

The features of a small detector are not part of it: a network that was trained to tell two classes
apart maps whatever it does not know near to one of them. Real footage lay nearer to the features of
the demo's calibration clips than these lie to each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict

from unmask.models.calibration.conformal import grouped_quantile, min_calibration_size
from unmask.records import FOOTAGE_FACTS

# Differences below the tolerance, in octaves, say nothing about the kind of footage. Size, frame
# rate, compression and loudness are settings of a source, which nearly all of its clips share.
EXACT = {
    **{"width": 0.03, "height": 0.03, "frame_rate": 0.03, "bits_per_pixel": 0.2},
    **{"face_width": 0.1, "loudness": 0.05},
}
TOLERANCES = np.array([EXACT.get(fact, 0.4) for fact in FOOTAGE_FACTS])

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CalibrationDomain:
    """Distribution of the facts of the calibration clips.

    Attributes:
        mean: Shape ``(facts,)``.
        covariance: Shape ``(facts, facts)``; positive definite.
        may_lack: Whether more than the rate of calibration clips lacks a fact, such as loudness
            in clips without sound, shape ``(facts,)``.
        limit: Largest distance of footage that is like the calibration clips.
        rate: Share of clips, drawn like the calibration clips, that are beyond a limit at most.
        clips: Number of calibration clips.
        fact_limit: Largest deviation of a single fact; ``None`` in older bundles.
        facts: Names of the facts, in order; some of ``FOOTAGE_FACTS``.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    mean: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    may_lack: tuple[bool, ...]
    limit: float
    rate: float
    clips: int
    fact_limit: float | None = None
    facts: tuple[str, ...] = FOOTAGE_FACTS

    def distances(self, footage: Floats) -> tuple[float, float]:
        """Return the distance of footage from the calibration clips, and its largest deviation.

        The distance is the root of the mean over the facts. The deviation is that of one fact in
        its standard deviations.

        Args:
            footage: ``FOOTAGE_FACTS``, NaN where the footage has no such fact.

        Returns:
            Infinity twice where the footage lacks what calibration clips have.
        """
        facts = footage[[FOOTAGE_FACTS.index(name) for name in self.facts]]
        present = ~np.isnan(facts)
        if not np.all(present | np.array(self.may_lack)) or not present.any():
            return float("inf"), float("inf")
        covariance = np.array(self.covariance)[np.ix_(present, present)]
        deviation = facts[present] - np.array(self.mean)[present]
        squared = float(deviation @ np.linalg.solve(covariance, deviation))
        largest = float(np.max(np.abs(deviation) / np.sqrt(np.diag(covariance))))
        return float(np.sqrt(squared / len(deviation))), largest

    def contains(self, footage: Floats) -> bool:
        """Return whether footage is like the calibration clips."""
        distance, largest = self.distances(footage)
        return distance <= self.limit and (self.fact_limit is None or largest <= self.fact_limit)


def fit_domain(footage: Floats, people: Sequence[str], rate: float) -> CalibrationDomain | None:
    """Fit the domain of calibration clips.

    Both limits are one quantile, in units of the median of the calibration clips, so that the rate
    holds for the two together.

    Args:
        footage: ``FOOTAGE_FACTS``, NaN where a clip lacks a fact, shape ``(clips, facts)``.
        people: Person in each clip, of length ``clips``.
        rate: Share of like footage that may be mistaken for unlike.

    Returns:
        ``None`` where there are too few clips for the rate, or clips of one person alone.
    """
    names = np.array(people)
    if len(footage) < min_calibration_size(rate) or len(set(people)) < 2:
        return None
    distances = np.zeros((len(footage), 2))
    for person in np.unique(names):
        others = _fit(footage[names != person], rate)
        own = np.flatnonzero(names == person)
        distances[own] = [others.distances(footage[index]) for index in own]
    medians = np.median(distances, axis=0)
    if not np.all(np.isfinite(medians)):
        return None
    relative = (distances / medians).max(axis=1)
    quantile = grouped_quantile(relative, np.arange(len(relative)), rate)  # each clip by itself
    if quantile is None or not np.isfinite(quantile):
        return None
    limit, fact_limit = (quantile * medians).tolist()
    return replace(_fit(footage, rate), limit=limit, fact_limit=fact_limit)


def _fit(facts: Floats, rate: float) -> CalibrationDomain:
    """Return the distribution of clips, without limits."""
    lacking = np.isnan(facts)
    sums, counts = np.where(lacking, 0.0, facts).sum(axis=0), (~lacking).sum(axis=0)
    mean = sums / np.maximum(counts, 1)
    deviations = np.where(lacking, 0.0, facts - mean)  # a missing fact counts as the mean
    covariance = deviations.T @ deviations / max(len(facts) - 1, 1) + np.diag(TOLERANCES**2)
    return CalibrationDomain(
        mean=tuple(mean.tolist()),
        covariance=tuple(map(tuple, covariance.tolist())),
        may_lack=tuple((lacking.mean(axis=0) > rate).tolist()),
        limit=float("inf"),
        rate=rate,
        clips=len(facts),
    )
