"""Repeated predictions: mean, variance and range of the fake probabilities of one clip."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

INTERVAL_COVERAGE = 0.95

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RepeatedPredictions:
    """Summary of repeated fake probabilities.

    Attributes:
        mean, variance: Mean and variance of the repeated probabilities.
        low, high: Range that holds the middle ``INTERVAL_COVERAGE`` of them and the reported
            probability.
    """

    mean: float
    variance: float
    low: float
    high: float

    @property
    def score(self) -> float:
        """Variance over mean, the report's uncertainty score; 0 where the mean is 0."""
        return self.variance / self.mean if self.mean > 0 else 0.0


def summarise(probabilities: Floats, given: float) -> RepeatedPredictions:
    """Summarise repeated fake probabilities.

    Args:
        probabilities: Shape ``(repeats,)``, at least one.
        given: The reported probability, predicted without dropout; the range is widened to
            include it.

    Example:
        >>> summarise(np.array([0.2, 0.4]), given=0.5).high
        0.5
    """
    tail = (1 - INTERVAL_COVERAGE) / 2
    low, high = np.quantile(probabilities, [tail, 1 - tail])
    return RepeatedPredictions(
        mean=float(probabilities.mean()),
        variance=float(probabilities.var()),
        low=min(float(low), given),
        high=max(float(high), given),
    )
