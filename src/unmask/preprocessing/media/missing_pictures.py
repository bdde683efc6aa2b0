"""How much of a video stream was lost: pictures that do not decode, and holes without any."""

from pathlib import Path

import numpy as np

from unmask.preprocessing.media.sampling import TOLERANCE_S
from unmask.preprocessing.media.timeline import read_timeline

MIN_HOLE_S = 1.0  # cameras in low light and screen recorders leave shorter ones


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
    gaps_s = np.diff(times_s)
    holes_s = float(gaps_s[gaps_s > MIN_HOLE_S].sum())
    return holes_s + max(ticks - frames_sampled, 0) / rate_hz
