"""Significance of differences: p-values from a bootstrap, and their correction for many tests."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def bootstrap_p_value(resampled: Floats) -> float:
    """Compute the two-sided p-value of a difference from its resampled values.

    It inverts the percentile interval: the p-value is below 0.05 where the 95 % interval leaves
    out zero. The value itself counts as one more resample (Davison & Hinkley, "Bootstrap Methods
    and their Application", 1997, section 4.2), so no p-value is below ``2 / (resamples + 1)``.

    Args:
        resampled: Shape ``(resamples,)``.

    Example:
        >>> bootstrap_p_value(np.arange(-1.0, 18.0))  # two of 19 are not above zero
        0.3
    """
    tail = min(int((resampled <= 0).sum()), int((resampled >= 0).sum()))
    return min(2 * (tail + 1) / (len(resampled) + 1), 1.0)


def adjust_by_holm(p_values: Floats) -> Floats:
    """Return p-values that hold the family-wise error rate, by Holm's step-down method.

    Whatever the dependence of the tests, a true null hypothesis among them gets an adjusted
    p-value of at most α with probability α or less (Holm, "A Simple Sequentially Rejective
    Multiple Test Procedure", Scandinavian Journal of Statistics 6, 1979).

    Args:
        p_values: In ``[0, 1]``, shape ``(tests,)``.

    Returns:
        Adjusted p-values in the order given, shape ``(tests,)``.

    Example:
        >>> adjust_by_holm(np.array([0.5, 0.01, 0.02])).tolist()
        [0.5, 0.03, 0.04]
    """
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(factors * p_values[order]), 1.0)
    return adjusted
