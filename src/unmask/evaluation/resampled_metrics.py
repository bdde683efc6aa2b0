"""Metrics of many bootstrap resamples at once.

A resample is given by how often each clip, or frame, occurs in it. Each function returns what the
one of :mod:`unmask.evaluation.metrics` gives for the repeated clips, up to rounding.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unmask.errors import SingleClassError
from unmask.evaluation.metrics import Labels, Scores, bin_index

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ResampledRoc:
    """ROC curves of resamples, all with the same descending thresholds.

    Attributes:
        fakes, reals: Number of fake and of genuine clips at or above each threshold, the first of
            which is infinite, shape ``(resamples, thresholds)``.
    """

    fakes: Counts
    reals: Counts

    @property
    def tpr(self) -> Scores:
        """True positive rates, shape ``(resamples, thresholds)``."""
        return self.fakes / self.fakes[:, -1:]

    @property
    def fpr(self) -> Scores:
        """False positive rates, shape ``(resamples, thresholds)``."""
        return self.reals / self.reals[:, -1:]

    def aucs(self) -> Scores:
        """Compute the AUC of each resample, a tie counting half, shape ``(resamples,)``.

        All sums before the last division are of halves, and so exact.
        """
        added = np.diff(self.reals, axis=1)
        outscored = (added * (self.fakes[:, 1:] + self.fakes[:, :-1]) / 2).sum(axis=1)
        return np.asarray(outscored / (self.fakes[:, -1] * self.reals[:, -1]), np.float64)

    def equal_error_rates(self) -> Scores:
        """Compute the equal error rate of each resample, shape ``(resamples,)``."""
        fpr = self.fpr
        excess = fpr - (1 - self.tpr)  # rises from -1 to 1
        after = np.argmax(excess >= 0, axis=1)
        rows = np.arange(len(fpr))
        low, high = excess[rows, after - 1], excess[rows, after]
        start, end = fpr[rows, after - 1], fpr[rows, after]
        return np.asarray(start - low / (high - low) * (end - start), np.float64)

    def fprs_at_tpr(self, tpr: float = 0.95) -> Scores:
        """Compute the lowest FPR at a TPR of at least ``tpr``, shape ``(resamples,)``."""
        first = np.argmax(self.tpr >= tpr, axis=1)
        return np.asarray(self.fpr[np.arange(len(first)), first], np.float64)

    def average_precisions(self) -> Scores:
        """Compute the average precision of each resample, shape ``(resamples,)``."""
        fakes, flagged = self.fakes[:, 1:], (self.fakes + self.reals)[:, 1:]
        precision = fakes / np.maximum(flagged, 1)
        return np.asarray((np.diff(self.tpr, axis=1) * precision).sum(axis=1), np.float64)


def resampled_roc(scores: Scores, is_fake: Labels, counts: Counts) -> ResampledRoc:
    """Return the ROC curves of resamples.

    Args:
        scores: Shape ``(clips,)``; higher is more fake.
        is_fake: Shape ``(clips,)``.
        counts: How often each clip occurs in each resample, shape ``(resamples, clips)``.

    Raises:
        SingleClassError: A resample lacks genuine or fake clips.
    """
    order = np.argsort(-scores, kind="stable")
    _, starts = np.unique(-scores[order], return_index=True)
    ordered, labels = counts[:, order], is_fake[order]
    both = (np.add.reduceat(ordered * label, starts, axis=1) for label in (labels, ~labels))
    fakes, reals = (np.pad(np.cumsum(part, axis=1), ((0, 0), (1, 0))) for part in both)
    if not (fakes[:, -1].all() and reals[:, -1].all()):
        raise SingleClassError("a resample lacks genuine or fake clips; draw it again")
    return ResampledRoc(fakes, reals)


def resampled_aucs(scores: Scores, is_fake: Labels, counts: Counts) -> Scores:
    """Compute the AUC of each resample, shape ``(resamples,)``.

    Arguments and errors are those of :func:`resampled_roc`.
    """
    return resampled_roc(scores, is_fake, counts).aucs()


def resampled_balanced_accuracies(called_fake: Labels, is_fake: Labels, counts: Counts) -> Scores:
    """Compute the balanced accuracy of each resample, shape ``(resamples,)``.

    Args:
        called_fake: Decision on each clip, shape ``(clips,)``.
        is_fake, counts: As for :func:`resampled_roc`; each resample has both classes.
    """
    fakes_called = counts @ (called_fake & is_fake) / (counts @ is_fake)
    reals_passed = counts @ (~called_fake & ~is_fake) / (counts @ ~is_fake)
    return np.asarray((fakes_called + reals_passed) / 2, np.float64)


def resampled_calibration_errors(
    probabilities: Scores, is_fake: Labels, counts: Counts, bins: int
) -> Scores:
    """Compute the expected calibration error of each resample, shape ``(resamples,)``.

    Args:
        probabilities: In ``[0, 1]``, shape ``(clips,)``.
        is_fake, counts: As for :func:`resampled_roc`.
    """
    excess = np.zeros((len(probabilities), bins))
    rows = np.arange(len(probabilities))
    excess[rows, bin_index(probabilities, bins)] = probabilities - is_fake
    return np.asarray(np.abs(counts @ excess).sum(axis=1) / counts.sum(axis=1), np.float64)
