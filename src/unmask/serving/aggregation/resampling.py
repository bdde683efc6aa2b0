"""Scores along time, second by second: what a person reads off before going into frames."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def mean_per_second(times_s: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Average scores over each whole second, leaving out seconds without any.

    Args:
        times_s: Where each score stands, in any order, shape ``(scores,)``.
        values: Shape ``(scores,)``.

    Returns:
        Begin of each second and its mean, ascending, shapes ``(seconds,)``.

    Example:
        >>> starts_s, means = per_second(np.array([0.2, 0.9, 2.0]), np.array([0.1, 0.3, 0.7]))
        >>> starts_s.tolist(), means.round(3).tolist()
        ([0.0, 2.0], [0.2, 0.7])
    """
    if not len(times_s):
        return np.zeros(0), np.zeros(0)
    # a sum of fifths may fall a hair short of the second it stands for
    seconds, place = np.unique(np.floor(times_s + 1e-6), return_inverse=True)
    return seconds, np.bincount(place, weights=values) / np.bincount(place)
