"""Optical flow between consecutive aligned faces."""

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.records import FLOW_STEP_PX

THREADS = 2
MAX_GAP_S = 1.0  # faces further apart in time differ, but not by a motion

Images = NDArray[np.uint8]
Levels = NDArray[np.int8]  # flow in steps of FLOW_STEP_PX


def farneback_flow(previous: Images, current: Images) -> NDArray[np.float32]:
    """Estimate the displacement of each pixel, x then y in pixels, shape ``(2, height, width)``.

    Farnebäck, "Two-frame motion estimation based on polynomial expansion", SCIA 2003.

    Args:
        previous, current: Greyscale images, shape ``(height, width)``.
    """
    initial = np.zeros((*previous.shape, 2), np.float32)
    field = cv2.calcOpticalFlowFarneback(previous, current, initial, 0.5, 3, 15, 3, 5, 1.2, 0)
    return field.transpose(2, 0, 1)


def quantize_flow(field: NDArray[np.float32]) -> Levels:
    """Quantize flow in pixels to levels of ``FLOW_STEP_PX``, clipped to ±127."""
    return np.clip(np.rint(field / FLOW_STEP_PX), -127, 127).astype(np.int8)


def face_flow(
    faces: Images,
    time_s: NDArray[np.float64],
    previous: tuple[Images, float] | None = None,
    shots: NDArray[np.int64] | None = None,
) -> Levels:
    """Compute the flow from each face to the next, shape ``(frames, 2, height, width)``.

    Row n is the flow from face n - 1 to face n; it is zero if there is no previous face of the same
    shot within ``MAX_GAP_S``.

    Args:
        faces: Aligned RGB faces, shape ``(frames, height, width, 3)``.
        time_s: Presentation time of each face, shape ``(frames,)``.
        previous: Last face of the previous window, shape ``(height, width, 3)``, and its time; of
            the shot of the first face.
        shots: Number of the shot of each face, shape ``(frames,)``; ``None`` for a single shot.
    """
    levels = np.zeros((len(faces), 2, *faces.shape[1:3]), np.int8)
    grey = [_to_grey(face) for face in faces]
    gaps_s = np.diff(time_s, prepend=-np.inf)
    if shots is not None:
        gaps_s[1:][np.diff(shots) != 0] = np.inf
    if previous is not None and len(faces):
        grey.append(_to_grey(previous[0]))  # at index -1, just before the first face
        gaps_s[0] = time_s[0] - previous[1]

    def fill(index: int) -> None:
        levels[index] = quantize_flow(farneback_flow(grey[index - 1], grey[index]))

    # OpenCV releases the GIL here, and uses little more than one core by itself
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(fill, np.flatnonzero(gaps_s <= MAX_GAP_S)))
    return levels


def _to_grey(face: Images) -> Images:
    return cv2.cvtColor(face, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)
