"""How good scores are: ranking (ROC) and honesty (calibration), each defined in full.

A higher score means more fake, everywhere.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unmask.errors import DataError, SingleClassError

SUREST = 1e-12  # probabilities are held this far from 0 and 1 before a logarithm

Scores = NDArray[np.float64]
Labels = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class RocCurve:
    """Every operating point, from "nothing is fake" to "everything is".

    Attributes:
        thresholds: Descending from infinity, shape ``(points,)``; a clip is called fake
            where its score is at least the threshold. Clips of equal score move together.
        false_alarms: Share of genuine clips called fake, rises from 0 to 1.
        hits: Share of fake clips called fake, rises from 0 to 1.
    """

    thresholds: NDArray[np.float64]
    false_alarms: NDArray[np.float64]
    hits: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Reliability:
    """Said against seen, per bin of probability; empty bins are left out.

    Attributes:
        said: Mean fake probability of the bin's clips, shape ``(bins filled,)``.
        seen: Share of the bin's clips that are fake.
        clips: Number of clips in the bin.
    """

    said: NDArray[np.float64]
    seen: NDArray[np.float64]
    clips: NDArray[np.int64]


def roc_curve(scores: Scores, is_fake: Labels) -> RocCurve:
    """The ROC curve with one point per distinct score, and the point at infinity.

    Args:
        scores: Any finite numbers, shape ``(clips,)``.
        is_fake: True where the clip is fake, shape ``(clips,)``.

    Raises:
        SingleClassError: All clips are genuine, or all are fake.
        DataError: A score is not finite, or the shapes differ.
    """
    _refuse_nonsense(scores, is_fake)
    fakes, reals = np.sort(scores[is_fake]), np.sort(scores[~is_fake])
    if not len(fakes) or not len(reals):
        raise SingleClassError(f"{len(fakes)} fake and {len(reals)} genuine clips; need both")
    thresholds = np.append(np.inf, np.unique(scores)[::-1])
    return RocCurve(
        thresholds,
        (len(reals) - np.searchsorted(reals, thresholds)) / len(reals),
        (len(fakes) - np.searchsorted(fakes, thresholds)) / len(fakes),
    )


def roc_auc(scores: Scores, is_fake: Labels) -> float:
    """Chance that a fake clip scores above a genuine one, a tie counting half; 1 is best.

    Arguments and errors as in :func:`roc_curve`.

    Example:
        >>> roc_auc(np.array([0.1, 0.6, 0.4, 0.9]), np.array([False, False, True, True]))
        0.75
    """
    roc = roc_curve(scores, is_fake)
    return float(np.sum(np.diff(roc.false_alarms) * (roc.hits[1:] + roc.hits[:-1]) / 2))


def equal_error_rate(scores: Scores, is_fake: Labels) -> float:
    """Rate at which false alarms and misses are equal; lower is better.

    Between two thresholds the curves are joined by a straight line, so the answer does not
    depend on the order of tied scores. Arguments and errors as in :func:`roc_curve`.

    Example:
        >>> equal_error_rate(np.array([0.1, 0.6, 0.4, 0.9]), np.array([False, False, True, True]))
        0.5
    """
    roc = roc_curve(scores, is_fake)
    # strictly rising: each threshold lets at least one more clip through
    excess = roc.false_alarms - (1 - roc.hits)
    return float(np.interp(0.0, excess, roc.false_alarms))


def fpr_at_tpr(scores: Scores, is_fake: Labels, tpr: float = 0.95) -> float:
    """Fewest false alarms among the thresholds that catch at least ``tpr`` of the fakes.

    No line is drawn between points: the answer is an operating point that exists.
    Arguments and errors as in :func:`roc_curve`.

    Example:
        >>> fpr_at_tpr(np.array([0.1, 0.6, 0.4, 0.9]), np.array([False, False, True, True]))
        0.5
    """
    roc = roc_curve(scores, is_fake)
    return float(roc.false_alarms[roc.hits >= tpr].min())


def reliability(probabilities: Scores, is_fake: Labels, bins: int) -> Reliability:
    """Sort clips into ``bins`` equally wide bins of fake probability.

    Bin ``b`` holds ``b / bins <= probability < (b + 1) / bins``; the last also holds 1.

    Raises:
        DataError: There are no clips, a probability lies outside ``[0, 1]``, or the shapes
            differ.
    """
    _refuse_improbable(probabilities, is_fake)
    place = _bin_of(probabilities, bins)
    clips = np.bincount(place, minlength=bins)
    said = np.bincount(place, probabilities, bins)[clips > 0] / clips[clips > 0]
    seen = np.bincount(place, is_fake, bins)[clips > 0] / clips[clips > 0]
    return Reliability(said, seen, clips[clips > 0])


def expected_calibration_error(probabilities: Scores, is_fake: Labels, bins: int) -> float:
    """Mean distance between the probability said and the share of fakes seen; 0 is best.

    ``sum over bins of clips_in_bin / clips * |said - seen|`` over the equally wide bins of
    :func:`reliability`, of the fake class, as in Guo et al., "On Calibration of Modern
    Neural Networks", ICML 2017. On few clips it is biased upwards: even a perfectly
    calibrated detector scores above 0. :func:`chance_calibration_error` tells how far.

    Example:
        >>> expected_calibration_error(np.array([0.8, 0.8]), np.array([True, False]), bins=10)
        0.30000000000000004
    """
    table = reliability(probabilities, is_fake, bins)
    return float(np.sum(table.clips * np.abs(table.said - table.seen)) / len(probabilities))


def expected_ece_under_calibration(
    probabilities: Scores, bins: int, rng: np.random.Generator, draws: int = 200
) -> float:
    """Calibration error to expect by chance if every probability here were exactly right.

    The mean over ``draws`` random labellings, each clip fake with its own probability.
    """
    _refuse_improbable(probabilities, np.zeros(len(probabilities), dtype=np.bool_))
    place = _bin_of(probabilities, bins)
    errors = [
        np.abs(np.bincount(place, probabilities - labels, bins)).sum()
        for labels in (rng.random(len(probabilities)) < probabilities for _ in range(draws))
    ]
    return float(np.mean(errors) / len(probabilities))


def brier_score(probabilities: Scores, is_fake: Labels) -> float:
    """Mean squared distance of the probability from the truth (0 or 1); lower is better.

    Example:
        >>> brier_score(np.array([0.5, 1.0]), np.array([True, True]))
        0.125
    """
    _refuse_improbable(probabilities, is_fake)
    return float(np.mean((probabilities - is_fake) ** 2))


def negative_log_likelihood(probabilities: Scores, is_fake: Labels) -> float:
    """Mean of ``-ln(probability of the true class)``, in nats; lower is better.

    Probabilities are first held at least 1e-12 away from 0 and 1, so that one clip that is
    sure and wrong costs 27.6 nats and not infinity.
    """
    _refuse_improbable(probabilities, is_fake)
    of_truth = np.where(is_fake, probabilities, 1 - probabilities)
    return float(-np.log(np.clip(of_truth, SUREST, 1 - SUREST)).mean())


def _bin_of(probabilities: Scores, bins: int) -> NDArray[np.int64]:
    # dividing, unlike linspace, makes the edge 3/10 the same float as a score of 0.3
    return np.searchsorted(np.arange(1, bins) / bins, probabilities, side="right")


def _refuse_nonsense(scores: Scores, is_fake: Labels) -> None:
    if scores.ndim != 1 or scores.shape != is_fake.shape:
        raise DataError(f"scores {scores.shape} and labels {is_fake.shape} do not pair up")
    if not np.isfinite(scores).all():
        raise DataError(f"{np.sum(~np.isfinite(scores))} scores are not finite; mend the detector")


def _refuse_improbable(probabilities: Scores, is_fake: Labels) -> None:
    _refuse_nonsense(probabilities, is_fake)
    if not len(probabilities):
        raise DataError("no clips to measure; pass at least one")
    if probabilities.min() < 0 or probabilities.max() > 1:
        raise DataError("a probability lies outside [0, 1]; pass calibrated probabilities")
