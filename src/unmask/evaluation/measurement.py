"""All metrics of one set of scores, of clips or of frames, each with its interval."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unmask.config import EvaluationSettings
from unmask.evaluation import metrics
from unmask.evaluation import resampled_metrics as resampled
from unmask.evaluation.bootstrap import Resampling, estimate_metrics
from unmask.evaluation.intervals import Estimate
from unmask.evaluation.metrics import Labels, Scores

METRICS = ("auc", "eer", "fpr95", "ap", "balanced_accuracy", "ece")


@dataclass(frozen=True, slots=True)
class LabelledScores:
    """Scores, decisions and labels of clips or of frames; every array has the shape ``(items,)``.

    Attributes:
        scores: Any finite numbers that rank the items; higher is more fake.
        probabilities: Fake probabilities in ``[0, 1]``.
        called_fake: Whether the probability is above the bundle's threshold.
        identities: Person shown, the unit of resampling.
    """

    scores: Scores
    probabilities: Scores
    called_fake: Labels
    is_fake: Labels
    identities: NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class Measurement:
    """Metrics of clips or of frames.

    Attributes:
        count: Number of clips or of frames; ``fakes`` and ``reals`` are its parts.
        identities: Number of people.
        metrics: An estimate for each of ``METRICS``; empty if nothing was measured.
        not_measured: The reason if nothing was measured; empty otherwise.
    """

    count: int
    fakes: int
    reals: int
    identities: int
    metrics: Mapping[str, Estimate]
    not_measured: str = ""


def measure(
    items: LabelledScores, noun: str, settings: EvaluationSettings, seed: int
) -> Measurement:
    """Compute all metrics with their intervals by resampling identities.

    Ranking (AUC, EER, FPR at 95 % TPR, AP) depends on the scores, balanced accuracy on the
    decisions, and the ECE on the probabilities.

    Args:
        noun: What is scored, in the plural, for the reason why nothing is measured.
        seed: Seed of the resampling.

    Returns:
        Without metrics where all items are of one class, or there are none.

    Raises:
        DataError: A score is not finite, or a probability lies outside ``[0, 1]``.
    """
    fakes, count = int(items.is_fake.sum()), len(items.is_fake)
    counts = count, fakes, count - fakes, len(np.unique(items.identities))
    missing = [kind for kind, n in (("fake", fakes), ("genuine", count - fakes)) if not n]
    if missing:
        return Measurement(*counts, {}, f"no {' and no '.join(missing)} {noun}")
    estimates = estimate_metrics(
        _values(items, settings.bins),
        lambda times: _resampled_values(items, settings.bins, times),
        items.is_fake,
        items.identities.tolist(),
        Resampling(np.random.default_rng(seed), settings.resamples, settings.confidence),
    )
    return Measurement(*counts, estimates)


def _values(items: LabelledScores, bins: int) -> dict[str, float]:
    scores, is_fake = items.scores, items.is_fake
    return {
        "auc": metrics.roc_auc(scores, is_fake),
        "eer": metrics.equal_error_rate(scores, is_fake),
        "fpr95": metrics.fpr_at_tpr(scores, is_fake, 0.95),
        "ap": metrics.average_precision(scores, is_fake),
        "balanced_accuracy": metrics.balanced_accuracy(items.called_fake, is_fake),
        "ece": metrics.expected_calibration_error(items.probabilities, is_fake, bins),
    }


def _resampled_values(
    items: LabelledScores, bins: int, counts: resampled.Counts
) -> dict[str, Scores]:
    roc = resampled.resampled_roc(items.scores, items.is_fake, counts)
    decisions = items.called_fake, items.is_fake, counts
    probabilities = items.probabilities, items.is_fake, counts, bins
    return {
        "auc": roc.aucs(),
        "eer": roc.equal_error_rates(),
        "fpr95": roc.fprs_at_tpr(0.95),
        "ap": roc.average_precisions(),
        "balanced_accuracy": resampled.resampled_balanced_accuracies(*decisions),
        "ece": resampled.resampled_calibration_errors(*probabilities),
    }
