"""Which frames of a video are looked at, and how a long one is cut into windows."""

import math

SLACK_S = 0.001  # containers such as WebM round times to milliseconds


class FrameSampler:
    """Picks the first frame of each tick of a fixed clock.

    Works on presentation times, so a variable frame rate is no case of its own; a frame is
    picked or not whatever came long before it, so a window starts on the same clock.

    Example:
        >>> sampler = Sampler(rate_hz=5.0)
        >>> [n for n in range(12) if sampler.takes(n / 25)]
        [0, 5, 10]
    """

    def __init__(self, rate_hz: float) -> None:
        self._rate_hz = rate_hz
        self._tick = -math.inf

    def should_take(self, time_s: float) -> bool:
        """Whether the next frame, shown at ``time_s``, is the first of its tick."""
        tick = math.floor((time_s + SLACK_S) * self._rate_hz)
        taken = tick > self._tick
        self._tick = max(tick, self._tick)
        return taken


def window_index(time_s: float, window_s: float, duration_s: float) -> int:
    """Number of the window that ``time_s`` falls into.

    The last window takes a remainder shorter than half a window with it, so that no
    window is too short to judge.

    Args:
        duration_s: What the container claims; 0 where it says nothing.

    Example:
        >>> [window_of(time_s, 30.0, 65.0) for time_s in (0.0, 29.9, 30.0, 64.9)]
        [0, 0, 1, 1]
    """
    number = max(math.floor((time_s + SLACK_S) / window_s), 0)
    if time_s > duration_s + window_s:  # the container was wrong: cut on regardless
        return number
    return min(number, max(math.floor(duration_s / window_s + 0.5), 1) - 1)
