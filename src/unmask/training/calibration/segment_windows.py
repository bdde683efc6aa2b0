"""Segment thresholds by windows: a rate per hour, whatever the length of a video.

Genuine footage is cut into windows, and the loss of a window is whether a flagged segment overlaps
it. A conformal threshold by person bounds the mean of that loss for new people (see
:mod:`unmask.models.calibration.conformal`; conformal risk control, Angelopoulos et al., ICLR 2024,
with a loss of 0 or 1). A segment overlaps at least one window, so the segments per hour are at most
the windows with one, and the expected number of both grows with the length of the video alone.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from unmask.models.calibration.conformal import grouped_quantile
from unmask.models.evidence_lines import EvidenceLine, Kind

WINDOW_S = 3.0
HOUR_S = 3600.0

Floats = NDArray[np.float64]


def window_peaks(lines: Iterable[EvidenceLine], end_s: float) -> dict[Kind, list[float]]:
    """Return the score of the highest segment in each window of a clip, by kind of evidence.

    Args:
        lines: The clip's lines of evidence.
        end_s: End of the clip. It is cut into windows of one length, ``WINDOW_S`` or up to twice
            that; a shorter clip is one window.

    Returns:
        For each kind one value per window in which there are scores, the highest of its lines.
    """
    edges_s = np.linspace(0.0, end_s, max(int(end_s / WINDOW_S), 1) + 1)
    spans_s = list(zip(edges_s[:-1].tolist(), edges_s[1:].tolist(), strict=True))
    peaks: defaultdict[tuple[Kind, int], float] = defaultdict(float)
    for line in lines:
        for number, (start_s, stop_s) in enumerate(spans_s):
            times_s = line.intervals_s
            if ((times_s[:, 0] < stop_s) & (times_s[:, 1] > start_s)).any():
                key = line.kind, number
                peaks[key] = max(peaks[key], line.peak((start_s, stop_s)))
    by_kind: defaultdict[Kind, list[float]] = defaultdict(list)
    for (kind, _), peak in sorted(peaks.items()):
        by_kind[kind].append(peak)
    return dict(by_kind)


def threshold_per_hour(
    peaks: Sequence[float], people: Sequence[str], per_hour: float
) -> tuple[float, float]:
    """Return a segment threshold, and the rate per hour that it keeps.

    Args:
        peaks: Of windows of genuine footage; at least one.
        people: Person in each window.
        per_hour: Flagged segments per hour that are aimed at.

    Returns:
        With too few people for that rate, their highest peak and the rate that it keeps.

    Example:
        >>> peaks, people = np.arange(1, 20) / 20, "abcdefghijklmnopqrs"
        >>> threshold, rate = threshold_per_hour(peaks, people, per_hour=120)
        >>> threshold, round(rate)  # 120 segments per hour are one in ten windows
        (0.9, 120)
        >>> threshold, rate = threshold_per_hour(peaks, people, per_hour=12)
        >>> threshold, round(rate)  # one in a hundred takes 99 people
        (0.95, 60)
    """
    windows_per_hour = HOUR_S / WINDOW_S
    rate = max(per_hour, windows_per_hour / (len(set(people)) + 1))
    scores, names = np.array(peaks, np.float64), np.array(list(people))
    threshold = grouped_quantile(scores, names, rate / windows_per_hour)
    return max(peaks) if threshold is None else threshold, rate
