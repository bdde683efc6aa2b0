"""Waveform peaks: the peak envelope of a sound of any length, small enough to draw and send."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unmask.records import RATE_HZ
from unmask.serving.report.schema import WaveformPeaks

STEP_S = 0.02
STEP_SAMPLES = round(STEP_S * RATE_HZ)  # 320; a window of 30 s is a multiple of it
MAX_STEPS = 1200  # about the number of pixel columns of a wide screen


@dataclass
class PeakEnvelope:
    """Peak amplitude of every step so far, from the start of the video."""

    peaks: list[float] = field(default_factory=list)

    def add(self, samples: NDArray[np.float32]) -> None:
        """Add the sound of the next window; only the last one may end within a step."""
        self.peaks.extend(_block_maxima(np.abs(samples), STEP_SAMPLES).tolist())

    def envelope(self) -> WaveformPeaks | None:
        """Return the peaks in at most ``MAX_STEPS`` steps; ``None`` without sound."""
        if not self.peaks:
            return None
        merged = -(-len(self.peaks) // MAX_STEPS)
        peaks = _block_maxima(np.array(self.peaks), merged).round(3).tolist()
        return WaveformPeaks(start_s=0.0, step_s=STEP_S * merged, peaks=tuple(peaks))


def _block_maxima(values: NDArray[Any], count: int) -> NDArray[Any]:
    """Return the maximum of every ``count`` values; the last block may be shorter."""
    if not len(values):
        return values
    return np.maximum.reduceat(values, np.arange(0, len(values), count))
