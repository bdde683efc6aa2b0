"""Calibration domain: which footage is like the calibration clips.

A Mahalanobis distance of footage statistics (Lee et al., "A Simple Unified Framework for Detecting
Out-of-Distribution Samples and Adversarial Attacks", NeurIPS 2018), with a split-conformal limit.
The distance of each calibration clip is measured to the clips of the other people, as a new video
shows a new person.

The features of a small detector are not part of it: a network that was trained to tell two classes
apart maps whatever it does not know near to one of them. Real footage lay nearer to the features of
the demo's calibration clips than these lie to each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict

from unmask.models.calibration.conformal import grouped_quantile, min_calibration_size
from unmask.records import FOOTAGE_FACTS

# Differences below the tolerance, in octaves, say nothing about the kind of footage. Size, frame
# rate and loudness are settings of a source, which nearly all of its clips share.
EXACT = {"width": 0.03, "height": 0.03, "frame_rate": 0.03, "face_width": 0.1, "loudness": 0.05}
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
        rate: Share of clips, drawn like the calibration clips, that are farther away at most.
        clips: Number of calibration clips.
        facts: Names of the facts, in order.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    mean: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    may_lack: tuple[bool, ...]
    limit: float
    rate: float
    clips: int
    facts: tuple[str, ...] = FOOTAGE_FACTS

    def distance(self, facts: Floats) -> float:
        """Return the distance of footage from the calibration clips, per fact.

        Args:
            facts: NaN where the footage has no such fact, shape ``(facts,)``.

        Returns:
            Infinity where the footage lacks what calibration clips have.
        """
        present = ~np.isnan(facts)
        if not np.all(present | np.array(self.may_lack)) or not present.any():
            return float("inf")
        mean, covariance = np.array(self.mean)[present], np.array(self.covariance)
        return _mahalanobis(facts[present], mean, covariance[np.ix_(present, present)])

    def contains(self, facts: Floats) -> bool:
        """Return whether footage is like the calibration clips."""
        return self.distance(facts) <= self.limit


def fit_domain(
    facts: Floats, people: Sequence[str], rate: float, tolerances: Floats = TOLERANCES
) -> CalibrationDomain | None:
    """Fit the domain of calibration clips.

    Args:
        facts: NaN where a clip lacks a fact, shape ``(clips, facts)``.
        people: Person in each clip, of length ``clips``.
        rate: Share of like footage that may be mistaken for unlike.
        tolerances: Deviation of each fact that says nothing, shape ``(facts,)``.

    Returns:
        ``None`` where there are too few clips for the rate, or clips of one person alone.
    """
    names = np.array(people)
    if len(facts) < min_calibration_size(rate) or len(set(people)) < 2:
        return None
    distances = np.zeros(len(facts))
    for person in np.unique(names):
        others = _fit(facts[names != person], tolerances, rate)
        own = np.flatnonzero(names == person)
        distances[own] = [others.distance(facts[index]) for index in own]
    limit = grouped_quantile(distances, np.arange(len(distances)), rate)  # each clip by itself
    if limit is None or not np.isfinite(limit):
        return None
    domain = _fit(facts, tolerances, rate)
    return CalibrationDomain(
        domain.mean, domain.covariance, domain.may_lack, limit, rate, len(facts)
    )


def _fit(facts: Floats, tolerances: Floats, rate: float) -> CalibrationDomain:
    """Return the distribution of clips, without a limit."""
    lacking = np.isnan(facts)
    sums, counts = np.where(lacking, 0.0, facts).sum(axis=0), (~lacking).sum(axis=0)
    mean = sums / np.maximum(counts, 1)
    deviations = np.where(lacking, 0.0, facts - mean)  # a missing fact counts as the mean
    covariance = deviations.T @ deviations / max(len(facts) - 1, 1) + np.diag(tolerances**2)
    return CalibrationDomain(
        mean=tuple(mean.tolist()),
        covariance=tuple(map(tuple, covariance.tolist())),
        may_lack=tuple((lacking.mean(axis=0) > rate).tolist()),
        limit=float("inf"),
        rate=rate,
        clips=len(facts),
    )


def _mahalanobis(facts: Floats, mean: Floats, covariance: Floats) -> float:
    deviation = facts - mean
    squared = float(deviation @ np.linalg.solve(covariance, deviation))
    return float(np.sqrt(squared / len(facts)))
