"""Stretches of time in which scores stand above a threshold."""

from bisect import bisect_left
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from unmask.records import RATE_HZ

STEP_S = 320 / RATE_HZ  # from one audio step to the next
BIN_S = 0.2  # sound is told apart as finely as pictures
GAP_S = 0.5  # a dip this short, two frames of five a second, does not split a stretch
SHORTEST_S = 0.3  # one stray frame is no stretch

Floats = NDArray[np.float64]


def find_segments(scores: Floats, edges_s: Floats, threshold: float) -> Iterator[slice]:
    """Join neighbouring scores above ``threshold``.

    Two scores belong to one stretch when at most ``GAP_S`` lies between them, whether what
    is between scores low or was not scored; a stretch shorter than ``SHORTEST_S`` is dropped.

    Args:
        scores: Fake probabilities, ascending in time, shape ``(scores,)``.
        edges_s: Begin and end of what each one covers, shape ``(scores, 2)``.

    Yields:
        The scores of a stretch, what lies between them included.

    Example:
        >>> edges = covering(np.array([0.0, 0.5, 1.0]), 0.5)
        >>> list(stretches(np.array([0.9, 0.8, 0.1]), edges, 0.7))
        [slice(0, 2, None)]
    """
    high = np.flatnonzero(scores > threshold)
    if not len(high):
        return
    pauses = edges_s[high[1:], 0] - edges_s[high[:-1], 1]
    for run in np.split(high, np.flatnonzero(pauses > GAP_S) + 1):
        if edges_s[run[-1], 1] - edges_s[run[0], 0] >= SHORTEST_S:
            yield slice(int(run[0]), int(run[-1]) + 1)


def highest_segment_threshold(scores: Floats, edges_s: Floats) -> float:
    """The lowest threshold above which there is no stretch; arguments of :func:`stretches`.

    Example:
        >>> edges = covering(np.array([0.0, 0.2, 0.4]), 0.2)
        >>> height(np.array([0.9, 0.8, 0.1]), edges)  # 0.9 alone is too short
        0.8
    """
    levels = np.concatenate([[0.0], np.unique(scores)])

    def silent(level: float) -> bool:
        return next(find_segments(scores, edges_s, level), None) is None

    return float(levels[bisect_left(levels, True, key=silent)])


def intervals(starts_s: Floats, covers_s: float) -> Floats:
    """Begin and end of scores that cover ``covers_s`` each, shape ``(scores, 2)``."""
    return np.stack([starts_s, starts_s + covers_s], axis=1)


def bin_audio_steps(steps: Floats) -> tuple[Floats, Floats]:
    """Average steps of sound over bins of ``BIN_S``, leaving out silence.

    Args:
        steps: One value per ``STEP_S``, NaN where nobody speaks, shape ``(steps,)``.

    Returns:
        Begin of each bin in which somebody speaks, and its mean, shapes ``(bins,)``.

    Example:
        >>> starts_s, means = binned(np.array([np.nan, 0.5, 0.7] + 8 * [np.nan] + [0.2]))
        >>> starts_s.tolist(), means.round(3).tolist()
        ([0.0, 0.2], [0.6, 0.2])
    """
    spoken = np.flatnonzero(~np.isnan(steps))
    if not len(spoken):
        return np.zeros(0), np.zeros(0)
    bins, place = np.unique(np.floor((spoken + 0.5) * STEP_S / BIN_S), return_inverse=True)
    return bins * BIN_S, np.bincount(place, weights=steps[spoken]) / np.bincount(place)
