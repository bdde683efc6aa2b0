"""Segments: time spans in which scores exceed a threshold."""

from bisect import bisect_left
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from unmask.records import RATE_HZ

STEP_S = 320 / RATE_HZ  # from one audio step to the next
BIN_S = 0.2  # the voice is resolved as finely as frames at 5 Hz
MAX_GAP_S = 0.5  # a shorter dip, two frames at 5 Hz, does not split a segment
MIN_SEGMENT_S = 0.3  # a single frame is not a segment

Floats = NDArray[np.float64]


def find_segments(scores: Floats, edges_s: Floats, threshold: float) -> Iterator[slice]:
    """Join neighbouring scores above ``threshold`` into segments.

    Two scores belong to the same segment when at most ``MAX_GAP_S`` lies between them, whether
    the scores between are low or missing. Segments shorter than ``MIN_SEGMENT_S`` are dropped.

    Args:
        scores: Fake probabilities, ascending in time, shape ``(scores,)``.
        edges_s: Start and end of what each one covers, shape ``(scores, 2)``.

    Yields:
        The scores of each segment, including low ones inside it.

    Example:
        >>> edges = intervals(np.array([0.0, 0.5, 1.0]), 0.5)
        >>> list(find_segments(np.array([0.9, 0.8, 0.1]), edges, 0.7))
        [slice(0, 2, None)]
    """
    high = np.flatnonzero(scores > threshold)
    if not len(high):
        return
    pauses = edges_s[high[1:], 0] - edges_s[high[:-1], 1]
    for run in np.split(high, np.flatnonzero(pauses > MAX_GAP_S) + 1):
        if edges_s[run[-1], 1] - edges_s[run[0], 0] >= MIN_SEGMENT_S:
            yield slice(int(run[0]), int(run[-1]) + 1)


def highest_segment_threshold(scores: Floats, edges_s: Floats) -> float:
    """Return the lowest threshold above which :func:`find_segments` finds none.

    Args:
        scores, edges_s: As for :func:`find_segments`.

    Example:
        >>> edges = intervals(np.array([0.0, 0.2, 0.4]), 0.2)
        >>> highest_segment_threshold(np.array([0.9, 0.8, 0.1]), edges)  # 0.9 alone is too short
        0.8
    """
    levels = np.concatenate([[0.0], np.unique(scores)])

    def has_no_segment(level: float) -> bool:
        return next(find_segments(scores, edges_s, level), None) is None

    return float(levels[bisect_left(levels, True, key=has_no_segment)])


def intervals(starts_s: Floats, covers_s: float) -> Floats:
    """Return start and end of scores that cover ``covers_s`` each, shape ``(scores, 2)``."""
    return np.stack([starts_s, starts_s + covers_s], axis=1)


def bin_audio_steps(steps: Floats) -> tuple[Floats, Floats]:
    """Average audio steps over bins of ``BIN_S``, leaving out silence.

    Args:
        steps: One value per ``STEP_S``, NaN without speech, shape ``(steps,)``.

    Returns:
        Start of each bin with speech, and its mean, both of shape ``(bins,)``.

    Example:
        >>> starts_s, means = bin_audio_steps(np.array([np.nan, 0.5, 0.7] + 8 * [np.nan] + [0.2]))
        >>> starts_s.tolist(), means.round(3).tolist()
        ([0.0, 0.2], [0.6, 0.2])
    """
    speech = np.flatnonzero(~np.isnan(steps))
    if not len(speech):
        return np.zeros(0), np.zeros(0)
    bins, index = np.unique(np.floor((speech + 0.5) * STEP_S / BIN_S), return_inverse=True)
    return bins * BIN_S, np.bincount(index, weights=steps[speech]) / np.bincount(index)
