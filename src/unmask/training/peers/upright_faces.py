"""Faces as MesoNet's authors cut them out: upright squares around the nose.

Afchar et al., WIFS 2018 (arXiv 1809.00888); the measures are those of the pipeline in the
authors' repository (github.com/DariusAf/MesoNet, ``pipeline.py``).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.preprocessing.media.frames import iter_sampled_frames
from unmask.records import FaceTrack

FACES = 30  # of a video
ZOOM = 2.2 * 1.3  # side of the square, in distances between the eyes or from eyes to mouth
# of the 68 points (iBUG order)
LEFT_EYE, RIGHT_EYE = slice(36, 42), slice(42, 48)
NOSE_BRIDGE, NOSE_TIP = slice(27, 31), slice(31, 36)
TOP_LIP = [48, 49, 50, 51, 52, 53, 54, 60, 61, 62, 63, 64]
BOTTOM_LIP = [48, 54, 55, 56, 57, 58, 59, 60, 64, 65, 66, 67]

Points = NDArray[Any]


def upright_matrix(landmarks_px: Points, side_px: int) -> NDArray[np.float64]:
    """Return the matrix from the frame to the face, shape ``(2, 3)``.

    The middle of the nose comes to the centre, and the mouth below the eyes.

    Args:
        landmarks_px: Shape ``(68, 2)``.
        side_px: Side of the square.
    """
    points = landmarks_px.astype(np.float64)
    left, right = points[LEFT_EYE].mean(axis=0), points[RIGHT_EYE].mean(axis=0)
    eyes = (left + right) / 2
    mouth = (points[TOP_LIP].mean(axis=0) + points[BOTTOM_LIP].mean(axis=0)) / 2
    centre = (points[NOSE_BRIDGE].mean(axis=0) + points[NOSE_TIP].mean(axis=0)) / 2
    down = mouth - eyes
    longest = max(np.hypot(*(right - left)), np.hypot(*down), 1.0)
    x, y = down / max(np.hypot(*down), 1e-6)
    turned = np.array([[y, -x], [x, y]]) * side_px / (ZOOM * longest)
    return np.column_stack([turned, side_px / 2 - turned @ centre])


def iter_upright_faces(
    path: Path, track: FaceTrack, rate_hz: float, side_px: int
) -> Iterator[NDArray[np.uint8]]:
    """Yield ``FACES`` evenly spaced faces of a track, or all of a shorter one.

    Outside the frame, the picture is mirrored.

    Args:
        rate_hz: Frames per second of the track.

    Yields:
        RGB, shape ``(side_px, side_px, 3)``.

    Raises:
        MediaError: The file cannot be opened.
    """
    count = len(track.time_s)
    rows = np.unique(np.linspace(0, count - 1, min(FACES, count)).round().astype(int))
    by_time = {float(track.time_s[row]): row for row in rows}
    for time_s, frame in iter_sampled_frames(path, rate_hz, end_s=max(by_time) + 1 / rate_hz):
        row = by_time.get(time_s)
        if row is not None:
            face = cv2.warpAffine(
                frame,
                upright_matrix(track.landmarks_px[row], side_px),
                (side_px, side_px),
                flags=cv2.INTER_CUBIC,
                borderMode=cv2.BORDER_REFLECT_101,
            )
            yield face.astype(np.uint8, copy=False)
