"""Frame sampling, and the division of long videos into windows."""

import math

# WebM and others round timestamps to milliseconds: that of a frame and that of the file's start
# are each up to 0.5 ms off
TOLERANCE_S = 0.0015


class FrameSampler:
    """Select the first frame of each tick of a fixed clock.

    Uses presentation times, so variable frame rates need no special case. The selection does
    not depend on where decoding started, so windows are sampled like the whole video.

    Example:
        >>> sampler = FrameSampler(rate_hz=5.0)
        >>> [index for index in range(12) if sampler.should_take(index / 25)]
        [0, 5, 10]
    """

    def __init__(self, rate_hz: float) -> None:
        self._rate_hz = rate_hz
        self._tick = -math.inf

    def should_take(self, time_s: float) -> bool:
        """Return whether the next frame, shown at ``time_s``, is the first of its tick."""
        tick = math.floor((time_s + TOLERANCE_S) * self._rate_hz)
        is_first = tick > self._tick
        self._tick = max(tick, self._tick)
        return is_first


def window_index(time_s: float, window_s: float, duration_s: float) -> int:
    """Return the index of the window that contains ``time_s``.

    A remainder shorter than half a window belongs to the last window, so that no window is too
    short to score.

    Args:
        duration_s: Duration stated by the container; 0 if unknown.

    Example:
        >>> [window_index(time_s, 30.0, 65.0) for time_s in (0.0, 29.9, 30.0, 64.9)]
        [0, 0, 1, 1]
    """
    index = max(math.floor((time_s + TOLERANCE_S) / window_s), 0)
    if time_s > duration_s + window_s:  # the stated duration is wrong: keep cutting windows
        return index
    return min(index, max(math.floor(duration_s / window_s + 0.5), 1) - 1)
