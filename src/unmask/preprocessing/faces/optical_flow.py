"""Motion between neighbouring aligned faces."""

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.records import FLOW_STEP_PX

THREADS = 2
MAX_GAP_S = 1.0  # between faces further apart there is a difference, but no motion

Pictures = NDArray[np.uint8]
Levels = NDArray[np.int8]


def farneback_flow(before: Pictures, after: Pictures) -> NDArray[np.float32]:
    """Where each pixel of ``before`` went, x then y in pixels, shape ``(2, height, width)``.

    Farnebäck, "Two-frame motion estimation based on polynomial expansion", SCIA 2003.

    Args:
        before, after: Grey pictures, shape ``(height, width)``.
    """
    start = np.zeros((*before.shape, 2), np.float32)
    field = cv2.calcOpticalFlowFarneback(before, after, start, 0.5, 3, 15, 3, 5, 1.2, 0)
    return field.transpose(2, 0, 1)


def quantize_flow(field: NDArray[np.float32]) -> Levels:
    """Flow in levels of ``FLOW_STEP_PX``; what moves beyond ±127 levels is clipped."""
    return np.clip(np.rint(field / FLOW_STEP_PX), -127, 127).astype(np.int8)


def face_flow(
    faces: Pictures,
    time_s: NDArray[np.float64],
    before: tuple[Pictures, float] | None = None,
) -> Levels:
    """Flow to each face from the one before it, shape ``(frames, 2, height, width)``.

    Zero where there is none before it, or none within ``MAX_GAP_S``.

    Args:
        faces: Aligned RGB faces, shape ``(frames, height, width, 3)``.
        time_s: Of each face, shape ``(frames,)``.
        before: The last face of the window before, shape ``(height, width, 3)``, and its time.
    """
    levels = np.zeros((len(faces), 2, *faces.shape[1:3]), np.int8)
    grey = [_grey(face) for face in faces]
    gaps_s = np.diff(time_s, prepend=-np.inf)
    if before is not None and len(faces):
        grey.append(_grey(before[0]))  # stands at -1, before the first
        gaps_s[0] = time_s[0] - before[1]

    def fill(index: int) -> None:
        levels[index] = quantize_flow(farneback_flow(grey[index - 1], grey[index]))

    # OpenCV lets other threads run meanwhile, and uses little more than one by itself
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(fill, np.flatnonzero(gaps_s <= MAX_GAP_S)))
    return levels


def _grey(face: Pictures) -> Pictures:
    return cv2.cvtColor(face, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)
