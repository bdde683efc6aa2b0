"""How far an analysis has come, told while it runs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from unmask.preprocessing.timing import StageTimer

LOOKING = ("decode", "faces", "align", "lips")
LOOKING_SHARE = 0.6  # of the work, where frames can be counted
# how far a window's scoring has come when a stage of it begins
SCORING = {"flow": 0.0, "frame_model": 0.2, "voice_model": 0.7, "evidence": 0.8}


class ProgressTimer(StageTimer):
    """A stopwatch that also tells stage and percent, which never goes back.

    Args:
        tell: Called at the begin of every piece of work, many times a second.
    """

    def __init__(self, tell: Callable[[str, float], None]) -> None:
        super().__init__()
        self._tell = tell
        self._frames, self._windows = 1.0, 1
        self._seen, self._scored, self._within = 0, 0, 0.0
        self.percent = 0.0

    def set_total(self, duration_s: float, rate_hz: float, window_s: float) -> None:
        """Say how much there is to do."""
        self._frames = max(duration_s * rate_hz, 1.0)
        self._windows = max(round(duration_s / window_s), 1)

    @contextmanager
    def on(self, stage: str) -> Iterator[None]:
        """Count the time inside the block, and tell that it has begun."""
        self._seen += stage == "faces"
        if stage in SCORING:
            self._within = max(self._within, SCORING[stage])
        elif stage in LOOKING and self._within:
            self._scored, self._within = self._scored + 1, 0.0
        looked = min(self._seen / self._frames, 1.0)
        scored = min((self._scored + self._within) / self._windows, 1.0)
        share = LOOKING_SHARE * looked + (1 - LOOKING_SHARE) * scored
        self.percent = max(self.percent, round(min(100 * share, 99.0), 1))
        self._tell(stage, self.percent)
        with super().measure(stage):
            yield
