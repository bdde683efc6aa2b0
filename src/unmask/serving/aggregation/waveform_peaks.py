"""The loudness of a sound of any length, in few enough numbers to be drawn and sent."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unmask.records import RATE_HZ
from unmask.serving.report.schema import WaveformPeaks

STEP_S = 0.02
STEP_SAMPLES = round(STEP_S * RATE_HZ)  # 320; a window of 30 s holds a whole number of them
MOST_STEPS = 1200  # about as many as a wide screen has columns for


@dataclass
class PeakEnvelope:
    """Peaks so far, window by window, from the video's begin."""

    peaks: list[float] = field(default_factory=list)

    def add(self, samples: NDArray[np.float32]) -> None:
        """Count the next window's sound; only the last one's may end within a step."""
        self.peaks.extend(_highest(np.abs(samples), STEP_SAMPLES).tolist())

    def envelope(self) -> WaveformPeaks | None:
        """What was added, in ``MOST_STEPS`` steps at most; ``None`` where there was no sound."""
        if not self.peaks:
            return None
        together = -(-len(self.peaks) // MOST_STEPS)
        peaks = _highest(np.array(self.peaks), together).round(3).tolist()
        return WaveformPeaks(start_s=0.0, step_s=STEP_S * together, peaks=tuple(peaks))


def _highest(values: NDArray[Any], count: int) -> NDArray[Any]:
    """The highest of every ``count`` values; the last may be of fewer."""
    if not len(values):
        return values
    return np.maximum.reduceat(values, np.arange(0, len(values), count))
