"""Metrics of scores: ranking (ROC, AUC, EER, AP), decisions, and calibration (ECE, Brier, NLL).

A higher score always means more fake.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unmask.errors import DataError, SingleClassError

PROB_CLIP = 1e-12  # distance from 0 and 1 to which probabilities are clipped before a logarithm

Scores = NDArray[np.float64]
Labels = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class RocCurve:
    """Operating points of a detector, from "no clip is fake" to "every clip is fake".

    Attributes:
        thresholds: Descending from infinity, shape ``(points,)``; a clip counts as fake where
            its score is at least the threshold. Clips of equal score share a point.
        fpr: False positive rate, share of genuine clips at or above the threshold; rises
            from 0 to 1.
        tpr: True positive rate, share of fake clips at or above it; rises from 0 to 1.
    """

    thresholds: NDArray[np.float64]
    fpr: NDArray[np.float64]
    tpr: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Reliability:
    """Reliability diagram: predicted against observed rates of fakes, without empty bins.

    Attributes:
        confidence: Mean fake probability of the clips in each bin, shape ``(bins,)``.
        observed_rate: Share of the bin's clips that are fake, shape ``(bins,)``.
        clips: Number of clips in each bin, shape ``(bins,)``.
    """

    confidence: NDArray[np.float64]
    observed_rate: NDArray[np.float64]
    clips: NDArray[np.int64]


def roc_curve(scores: Scores, is_fake: Labels) -> RocCurve:
    """Compute the ROC curve: one point per distinct score, and one at infinity.

    Args:
        scores: Any finite numbers, shape ``(clips,)``.
        is_fake: True where the clip is fake, shape ``(clips,)``.

    Raises:
        SingleClassError: All clips are genuine, or all are fake.
        DataError: A score is not finite, or the shapes differ.
    """
    _check_scores(scores, is_fake)
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
    """Compute the area under the ROC curve; 1 is best.

    It is the probability that a fake clip scores above a genuine one, a tie counting half.
    Arguments and errors as in :func:`roc_curve`.

    Example:
        >>> roc_auc(np.array([0.1, 0.6, 0.4, 0.9]), np.array([False, False, True, True]))
        0.75
    """
    roc = roc_curve(scores, is_fake)
    return float(np.sum(np.diff(roc.fpr) * (roc.tpr[1:] + roc.tpr[:-1]) / 2))


def equal_error_rate(scores: Scores, is_fake: Labels) -> float:
    """Compute the rate at which false positives and misses are equal; lower is better.

    The curve is linear between two thresholds, so the result does not depend on the order of
    tied scores. Arguments and errors as in :func:`roc_curve`.

    Example:
        >>> equal_error_rate(np.array([0.1, 0.6, 0.4, 0.9]), np.array([False, False, True, True]))
        0.5
    """
    roc = roc_curve(scores, is_fake)
    # strictly rising: at least one more clip lies above each further threshold
    excess = roc.fpr - (1 - roc.tpr)
    return float(np.interp(0.0, excess, roc.fpr))


def fpr_at_tpr(scores: Scores, is_fake: Labels, tpr: float = 0.95) -> float:
    """Compute the lowest false positive rate at a true positive rate of at least ``tpr``.

    The curve is not interpolated: the result is the rate of an existing operating point.
    Arguments and errors as in :func:`roc_curve`.

    Example:
        >>> fpr_at_tpr(np.array([0.1, 0.6, 0.4, 0.9]), np.array([False, False, True, True]))
        0.5
    """
    roc = roc_curve(scores, is_fake)
    return float(roc.fpr[roc.tpr >= tpr].min())


def average_precision(scores: Scores, is_fake: Labels) -> float:
    """Compute the average precision (AP) of the fake class; 1 is best.

    ``sum over thresholds of (recall - recall at the threshold above) * precision``, without
    interpolation; clips of equal score share a threshold. A detector at chance has the share of
    fakes. Arguments and errors as in :func:`roc_curve`.

    Example:
        >>> average_precision(np.array([0.1, 0.6, 0.4, 0.9]), np.array([False, False, True, True]))
        0.8333333333333333
    """
    roc = roc_curve(scores, is_fake)
    fakes = roc.tpr * np.sum(is_fake)
    flagged = fakes + roc.fpr * np.sum(~is_fake)
    return float(np.sum(np.diff(roc.tpr) * fakes[1:] / flagged[1:]))


def balanced_accuracy(called_fake: Labels, is_fake: Labels) -> float:
    """Compute the mean of the shares of fakes called fake and of genuine clips not called so.

    Args:
        called_fake: Decision on each clip, shape ``(clips,)``.
        is_fake: Shape ``(clips,)``.

    Raises:
        SingleClassError: All clips are genuine, or all are fake.

    Example:
        >>> balanced_accuracy(np.array([False, True, True]), np.array([False, False, True]))
        0.75
    """
    if is_fake.all() or not is_fake.any():
        raise SingleClassError("the clips are of one class; balanced accuracy needs both")
    return float((called_fake[is_fake].mean() + (~called_fake[~is_fake]).mean()) / 2)


def reliability(probabilities: Scores, is_fake: Labels, bins: int) -> Reliability:
    """Compute the reliability diagram over ``bins`` equally wide bins of fake probability.

    Bin ``b`` holds ``b / bins <= probability < (b + 1) / bins``; the last also holds 1.

    Raises:
        DataError: There are no clips, a probability lies outside ``[0, 1]``, or the shapes
            differ.
    """
    _check_probabilities(probabilities, is_fake)
    index = bin_index(probabilities, bins)
    clips = np.bincount(index, minlength=bins)
    filled = clips > 0
    confidence = np.bincount(index, probabilities, bins)[filled] / clips[filled]
    observed_rate = np.bincount(index, is_fake, bins)[filled] / clips[filled]
    return Reliability(confidence, observed_rate, clips[filled])


def expected_calibration_error(probabilities: Scores, is_fake: Labels, bins: int) -> float:
    """Compute the expected calibration error (ECE) of the fake class; 0 is best.

    ``sum over bins of clips_in_bin / clips * |confidence - observed_rate|`` over the bins of
    :func:`reliability`, as in Guo et al., "On Calibration of Modern Neural Networks", ICML
    2017. On few clips it is biased upwards: even a perfectly calibrated detector scores above
    0, by :func:`expected_ece_under_calibration` on average.

    Example:
        >>> expected_calibration_error(np.array([0.8, 0.8]), np.array([True, False]), bins=10)
        0.30000000000000004
    """
    diagram = reliability(probabilities, is_fake, bins)
    errors = np.abs(diagram.confidence - diagram.observed_rate)
    return float(np.sum(diagram.clips * errors) / len(probabilities))


def expected_ece_under_calibration(
    probabilities: Scores, bins: int, rng: np.random.Generator, draws: int = 200
) -> float:
    """Estimate the ECE that a perfectly calibrated detector would show on these clips.

    This is the mean ECE over ``draws`` random labellings, each clip fake with its own
    probability.
    """
    _check_probabilities(probabilities, np.zeros(len(probabilities), dtype=np.bool_))
    index = bin_index(probabilities, bins)
    errors = [
        np.abs(np.bincount(index, probabilities - labels, bins)).sum()
        for labels in (rng.random(len(probabilities)) < probabilities for _ in range(draws))
    ]
    return float(np.mean(errors) / len(probabilities))


def brier_score(probabilities: Scores, is_fake: Labels) -> float:
    """Compute the mean squared error of the probability against the label; lower is better.

    Example:
        >>> brier_score(np.array([0.5, 1.0]), np.array([True, True]))
        0.125
    """
    _check_probabilities(probabilities, is_fake)
    return float(np.mean((probabilities - is_fake) ** 2))


def negative_log_likelihood(probabilities: Scores, is_fake: Labels) -> float:
    """Compute the mean of ``-ln(probability of the true class)``, in nats; lower is better.

    Probabilities are clipped to ``PROB_CLIP``, so that a confident error costs 27.6 nats and not
    infinity.
    """
    _check_probabilities(probabilities, is_fake)
    true_class = np.where(is_fake, probabilities, 1 - probabilities)
    return float(-np.log(np.clip(true_class, PROB_CLIP, 1 - PROB_CLIP)).mean())


def bin_index(probabilities: Scores, bins: int) -> NDArray[np.int64]:
    """Return the bin of :func:`reliability` of each probability, from 0."""
    # unlike linspace, the division makes the edge 3/10 the same float as a score of 0.3
    return np.searchsorted(np.arange(1, bins) / bins, probabilities, side="right")


def _check_scores(scores: Scores, is_fake: Labels) -> None:
    if scores.ndim != 1 or scores.shape != is_fake.shape:
        raise DataError(
            f"shapes of scores {scores.shape} and labels {is_fake.shape} differ; pass one per clip"
        )
    if not np.isfinite(scores).all():
        count = np.sum(~np.isfinite(scores))
        raise DataError(f"{count} scores are NaN or infinite; check the detector's outputs")


def _check_probabilities(probabilities: Scores, is_fake: Labels) -> None:
    _check_scores(probabilities, is_fake)
    if not len(probabilities):
        raise DataError("there are no clips to measure; pass at least one")
    if probabilities.min() < 0 or probabilities.max() > 1:
        raise DataError("a probability lies outside [0, 1]; pass probabilities, not logits")
