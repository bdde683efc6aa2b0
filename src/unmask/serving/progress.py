"""Progress: stage and percentage of a running analysis."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from unmask.preprocessing.timing import StageTimer

VISUAL_STAGES = ("decode", "faces", "align", "lips")
VISUAL_SHARE = 0.6  # of the work; progress within it is counted in frames
# progress within a window's scoring at the start of a stage
SCORING_PROGRESS = {"flow": 0.0, "frame_model": 0.2, "voice_model": 0.7, "evidence": 0.8}


class ProgressTimer(StageTimer):
    """Stage timer that also reports the stage and a percentage, which never decreases.

    Args:
        on_progress: Called with stage and percentage at the start of every piece of work, many
            times per second.
    """

    def __init__(self, on_progress: Callable[[str, float], None]) -> None:
        super().__init__()
        self._on_progress = on_progress
        self._frames, self._windows = 1.0, 1
        self._frames_done, self._windows_done, self._window_progress = 0, 0, 0.0
        self.percent = 0.0

    def set_total(self, duration_s: float, rate_hz: float, window_s: float) -> None:
        """Set the amount of work."""
        self._frames = max(duration_s * rate_hz, 1.0)
        self._windows = max(round(duration_s / window_s), 1)

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Report progress and add the time inside the block to ``stage``."""
        self._frames_done += stage == "faces"
        if stage in SCORING_PROGRESS:
            self._window_progress = max(self._window_progress, SCORING_PROGRESS[stage])
        elif stage in VISUAL_STAGES and self._window_progress:
            self._windows_done, self._window_progress = self._windows_done + 1, 0.0
        visual = min(self._frames_done / self._frames, 1.0)
        scored = min((self._windows_done + self._window_progress) / self._windows, 1.0)
        share = VISUAL_SHARE * visual + (1 - VISUAL_SHARE) * scored
        self.percent = max(self.percent, round(min(100 * share, 99.0), 1))
        self._on_progress(stage, self.percent)
        with super().measure(stage):
            yield
