"""Segments: time spans in which scores exceed a threshold."""

from bisect import bisect_left
from collections.abc import Iterator
from math import inf

import numpy as np
from numpy.typing import NDArray

from unmask.records import RATE_HZ

STEP_S = 320 / RATE_HZ  # from one audio step to the next
BIN_S = 0.2  # the voice is resolved as finely as frames at 5 Hz
MAX_GAP_S = 0.5  # a shorter dip, two frames at 5 Hz, does not split a segment
MIN_SEGMENT_S = 0.3  # a single frame is not a segment
LEVELS = 101  # quantiles of the scores at which segments are proposed
NEUTRAL = 0.5  # score of the surroundings of a segment that has none
MAX_IOU = 0.6  # of two proposed segments

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


def highest_segment_threshold(
    scores: Floats, edges_s: Floats, within_s: tuple[float, float] = (-inf, inf)
) -> float:
    """Return the lowest threshold above which :func:`find_segments` finds none.

    Args:
        scores, edges_s: As for :func:`find_segments`.
        within_s: Start and end of the time that no such segment may overlap.

    Example:
        >>> edges = intervals(np.array([0.0, 0.2, 0.4]), 0.2)
        >>> highest_segment_threshold(np.array([0.9, 0.8, 0.1]), edges)  # 0.9 alone is too short
        0.8
        >>> highest_segment_threshold(np.array([0.9, 0.8, 0.1]), edges, (0.4, 0.6))
        0.1
    """
    levels = np.concatenate([[0.0], np.unique(scores)])

    def has_no_segment(level: float) -> bool:
        return not any(
            edges_s[part.start, 0] < within_s[1] and edges_s[part.stop - 1, 1] > within_s[0]
            for part in find_segments(scores, edges_s, level)
        )

    return float(levels[bisect_left(levels, True, key=has_no_segment)])


def propose_segments(scores: Floats, edges_s: Floats, limit: int = 50) -> Floats:
    """Return segments that may be forged, whatever their level: the highest-scored first.

    Segments at every level of the scores are candidates, as in temporal actionness grouping (Zhao
    et al., ICCV 2017). The score of one is the mean inside minus that of its surroundings, a half
    of its length on each side (outer-inner contrast, Shou et al., ECCV 2018), or one half around
    the whole of the scores. Of candidates that
    overlap with an IoU above ``MAX_IOU`` the highest-scored stays.

    Args:
        scores, edges_s: As for :func:`find_segments`.
        limit: Number of segments that are returned at most.

    Returns:
        Start and end in seconds, and score in ``[-1, 1]``, shape ``(segments, 3)``.

    Example:
        >>> edges = intervals(np.arange(6) / 5, 0.2)
        >>> propose_segments(np.array([0.1, 0.1, 0.9, 0.8, 0.1, 0.1]), edges, limit=1).round(3)
        array([[0.4 , 0.8 , 0.75]])
    """
    levels = np.quantile(scores, np.linspace(0, 1, LEVELS)) if len(scores) else np.zeros(0)
    parts = {
        (part.start, part.stop)
        for level in np.unique(levels)
        for part in find_segments(scores, edges_s, float(np.nextafter(level, -1)))
    }
    rows = [
        (edges_s[start, 0], edges_s[stop - 1, 1], _contrast(scores, start, stop))
        for start, stop in sorted(parts)
    ]
    return suppress_overlaps(np.array(rows, np.float64).reshape(-1, 3))[:limit]


def suppress_overlaps(proposals: Floats) -> Floats:
    """Drop proposals that overlap a higher-scored one with an IoU above ``MAX_IOU``.

    Args:
        proposals: Start and end in seconds, and score, shape ``(proposals, 3)``. Of equal scores
            the earlier row stays.

    Returns:
        The others, the highest-scored first.

    Example:
        >>> suppress_overlaps(np.array([[0.0, 1.0, 0.2], [0.0, 0.9, 0.7], [2.0, 3.0, 0.1]]))
        array([[0. , 0.9, 0.7],
               [2. , 3. , 0.1]])
    """
    ranked = proposals[np.argsort(-proposals[:, 2], kind="stable")]
    kept: list[int] = []
    for number, (start_s, end_s, _) in enumerate(ranked):
        low, high = np.maximum(ranked[kept, 0], start_s), np.minimum(ranked[kept, 1], end_s)
        shared = np.maximum(high - low, 0.0)
        union = ranked[kept, 1] - ranked[kept, 0] + end_s - start_s - shared
        if not (shared > MAX_IOU * union).any():
            kept.append(number)
    return ranked[kept]


def _contrast(scores: Floats, start: int, stop: int) -> float:
    flank = max((stop - start + 1) // 2, 1)
    around = np.concatenate([scores[max(start - flank, 0) : start], scores[stop : stop + flank]])
    return float(scores[start:stop].mean() - (around.mean() if len(around) else NEUTRAL))


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
