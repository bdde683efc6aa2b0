"""Waveform plot: the waveform of an audio excerpt, coloured by importance."""

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.explainability.overlay import COLOUR_MAP, FOREGROUND, OUTLINE
from unmask.explainability.top_moments import AudioExcerpt
from unmask.models.calibration.segments import BIN_S
from unmask.records import RATE_HZ

WIDTH_PX, HEIGHT_PX = 960, 200
AXIS_PX = 28  # height of the time axis below the waveform
SILENCE_COLOUR = (96, 96, 96)
MAX_TICKS = 6  # approximate number of labels on the time axis


def draw_waveform(
    excerpt: AudioExcerpt, begins_s: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """Draw the waveform of an excerpt.

    Args:
        begins_s: Start in the video of each bin of speech, shape ``(bins,)``.
        weights: Importance in ``[0, 1]``, shape ``(bins,)``.

    Returns:
        RGB, shape ``(200, 960, 3)``.
    """
    samples = excerpt.sample.waveform
    length_s = len(samples) / RATE_HZ
    edges = np.linspace(0, len(samples), WIDTH_PX + 1).astype(int)
    peak = max(float(np.abs(samples).max()), 1e-6)
    middle, reach = (HEIGHT_PX - AXIS_PX) // 2, (HEIGHT_PX - AXIS_PX) / 2 - 4
    heat = np.zeros(WIDTH_PX, np.float64)
    is_speech = np.zeros(WIDTH_PX, np.bool_)
    columns_s = excerpt.start_s + (np.arange(WIDTH_PX) + 0.5) * length_s / WIDTH_PX
    for begin_s, weight in zip(begins_s, weights, strict=True):
        inside = (columns_s >= begin_s) & (columns_s < begin_s + BIN_S)
        heat[inside], is_speech[inside] = weight, True
    levels = np.rint(heat * 255).astype(np.uint8)[None]
    colours = cv2.cvtColor(cv2.applyColorMap(levels, COLOUR_MAP), cv2.COLOR_BGR2RGB)[0]
    colours = np.where(is_speech[:, None], colours, SILENCE_COLOUR)
    out = np.zeros((HEIGHT_PX, WIDTH_PX, 3), np.uint8)
    for column, (first, last) in enumerate(pairwise(edges)):
        height = np.abs(samples[first : max(last, first + 1)]).max(initial=0.0) / peak * reach
        out[middle - int(height) : middle + int(height) + 1, column] = colours[column]
    _draw_time_axis(out, excerpt.start_s, length_s)
    return out


def _draw_time_axis(out: NDArray[np.uint8], start_s: float, length_s: float) -> None:
    """Draw ticks and labels at round times below the waveform."""
    step_s = next((s for s in (0.2, 0.5, 1.0, 2.0, 5.0) if length_s / s <= MAX_TICKS), 10.0)
    for time_s in np.arange(np.ceil(start_s / step_s), (start_s + length_s) / step_s) * step_s:
        column = round((time_s - start_s) / length_s * WIDTH_PX)
        top = HEIGHT_PX - AXIS_PX
        cv2.line(out, (column, top), (column, top + 6), FOREGROUND, 1)
        label, font = f"{time_s:.1f} s", cv2.FONT_HERSHEY_SIMPLEX
        position = (min(column + 3, WIDTH_PX - 50), HEIGHT_PX - 6)
        for colour, thickness in ((OUTLINE, 3), (FOREGROUND, 1)):
            cv2.putText(out, label, position, font, 0.45, colour, thickness, cv2.LINE_AA)
