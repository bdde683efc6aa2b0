"""How much of a video stream was lost: pictures that do not decode, and holes without any."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unmask.preprocessing.media.sampling import TOLERANCE_S
from unmask.preprocessing.media.timeline import read_timeline

# A hole is far longer than nearly all steps of its video. Cameras in low light and screen
# recorders leave steps of any length up to the longest one.
MIN_HOLE_S, MAX_STEP_S = 0.25, 1.0
MIN_RATIO = 5.0  # of a hole to the usual step
USUAL_PERCENTILE = 95


def missing_picture_s(
    path: Path, index: int, part_s: tuple[float, float], frames_sampled: int, rate_hz: float
) -> float:
    """Return the length of the lost picture in seconds.

    Args:
        index: Of the video stream.
        part_s: Start and end of what was decoded.
        frames_sampled: Frames that were decoded and sampled in it.
        rate_hz: Sampling rate.

    Raises:
        MediaError: The file cannot be opened.
    """
    times_s = np.sort(read_timeline(path).shown_in_s(index, part_s))
    ticks = len(np.unique(np.floor((times_s + TOLERANCE_S) * rate_hz)))
    return _holes_s(np.diff(times_s)) + max(ticks - frames_sampled, 0) / rate_hz


def _holes_s(steps_s: NDArray[np.float64]) -> float:
    """Return how much longer than the usual step the holes are, in seconds."""
    if not len(steps_s):
        return 0.0
    usual_s = float(np.percentile(steps_s, USUAL_PERCENTILE))
    limit_s = min(max(MIN_HOLE_S, MIN_RATIO * usual_s), MAX_STEP_S)
    return float((steps_s[steps_s > limit_s] - min(usual_s, MAX_STEP_S)).sum())
