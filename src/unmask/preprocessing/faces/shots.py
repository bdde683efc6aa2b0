"""Shot boundaries between sampled frames.

A cut replaces the whole picture, so a small version of it correlates little with the one before.
Motion, exposure and flashes change a picture less: correlation ignores brightness and contrast.
Gradual transitions (fades through a picture, dissolves) are not found.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.preprocessing.faces.mediapipe_graphs import Image

THUMBNAIL_PX = (8, 8)  # coarse, so that a pan or a step of a person changes it little
MIN_DISTANCE = 0.5  # between two shots, where the distance is 1 minus the correlation
MIN_RATIO = 2.0  # of the distance to the median within the shot, which is large with much motion
MIN_CONTRAST = 4.0  # standard deviation in levels; a plain frame, as in a flash, is skipped
HISTORY = 15  # distances within the shot that the median is taken of

Thumbnail = NDArray[np.float32]


class ShotDetector:
    """Finds the first sampled frame of each shot."""

    def __init__(self) -> None:
        self._last: Thumbnail | None = None
        self._distances: list[float] = []

    def starts_shot(self, image: Image) -> bool:
        """Return whether a shot starts with this frame; the first frame of a video starts none.

        Args:
            image: RGB, shape ``(height, width, 3)``, the next sampled frame.
        """
        small = cv2.resize(image, THUMBNAIL_PX, interpolation=cv2.INTER_AREA).astype(np.float32)
        thumbnail = small - small.mean(axis=(0, 1))
        if thumbnail.std() < MIN_CONTRAST:
            return False
        last, self._last = self._last, thumbnail
        if last is None:
            return False
        distance = 1 - float(
            (last * thumbnail).sum() / np.sqrt((last**2).sum() * (thumbnail**2).sum())
        )
        usual = float(np.median(self._distances)) if self._distances else 0.0
        if distance >= max(MIN_DISTANCE, MIN_RATIO * usual):
            self._distances.clear()
            return True
        self._distances = [*self._distances, distance][-HISTORY:]
        return False
