"""The sound of a stretch along time, each moment in the colour of its importance."""

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.explainability.overlay import COLOURS, INK, SHADE
from unmask.explainability.top_moments import AudioExcerpt
from unmask.models.calibration.segments import BIN_S
from unmask.records import RATE_HZ

WIDTH_PX, HEIGHT_PX = 960, 200
FOOT_PX = 28  # under the sound, for the seconds
SILENT = (96, 96, 96)  # colour of what is not spoken
TICKS = 6  # about as many times are written


def draw_waveform(
    stretch: AudioExcerpt, begins_s: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """Draw it.

    Args:
        begins_s: Where in the video each bin of speech begins, shape ``(bins,)``.
        weights: In ``[0, 1]``, shape ``(bins,)``.

    Returns:
        RGB, shape ``(200, 960, 3)``.
    """
    samples = stretch.heard.waveform
    long_s = len(samples) / RATE_HZ
    edges = np.linspace(0, len(samples), WIDTH_PX + 1).astype(int)
    loudest = max(float(np.abs(samples).max()), 1e-6)
    middle, reach = (HEIGHT_PX - FOOT_PX) // 2, (HEIGHT_PX - FOOT_PX) / 2 - 4
    heat = np.zeros(WIDTH_PX, np.float64)
    spoken = np.zeros(WIDTH_PX, np.bool_)
    columns_s = stretch.start_s + (np.arange(WIDTH_PX) + 0.5) * long_s / WIDTH_PX
    for begin_s, weight in zip(begins_s, weights, strict=True):
        inside = (columns_s >= begin_s) & (columns_s < begin_s + BIN_S)
        heat[inside], spoken[inside] = weight, True
    levels = np.rint(heat * 255).astype(np.uint8)[None]
    colours = cv2.cvtColor(cv2.applyColorMap(levels, COLOURS), cv2.COLOR_BGR2RGB)[0]
    colours = np.where(spoken[:, None], colours, SILENT)
    out = np.zeros((HEIGHT_PX, WIDTH_PX, 3), np.uint8)
    for column, (first, last) in enumerate(pairwise(edges)):
        tall = np.abs(samples[first : max(last, first + 1)]).max(initial=0.0) / loudest * reach
        out[middle - int(tall) : middle + int(tall) + 1, column] = colours[column]
    _seconds(out, stretch.start_s, long_s)
    return out


def _seconds(out: NDArray[np.uint8], start_s: float, long_s: float) -> None:
    """Write the time under the sound, at round moments."""
    step_s = next((s for s in (0.2, 0.5, 1.0, 2.0, 5.0) if long_s / s <= TICKS), 10.0)
    for moment_s in np.arange(np.ceil(start_s / step_s), (start_s + long_s) / step_s) * step_s:
        column = round((moment_s - start_s) / long_s * WIDTH_PX)
        cv2.line(out, (column, HEIGHT_PX - FOOT_PX), (column, HEIGHT_PX - FOOT_PX + 6), INK, 1)
        words, font = f"{moment_s:.1f} s", cv2.FONT_HERSHEY_SIMPLEX
        place = (min(column + 3, WIDTH_PX - 50), HEIGHT_PX - 6)
        for ink, thickness in ((SHADE, 3), (INK, 1)):
            cv2.putText(out, words, place, font, 0.45, ink, thickness, cv2.LINE_AA)
