"""Whether the people in a video move, or a photograph or a frozen picture is shown."""

from collections.abc import Sequence

import cv2
import numpy as np

from unmask.preprocessing.faces.boxes import Box
from unmask.preprocessing.faces.regions import Image

FACE_CELLS = 16  # along each side of a face
PICTURE_CELLS = 32  # along the longer side of a picture without a face
# In grey levels of the mean of a cell. Between two frames 200 ms apart, the noise of codecs
# changes a still picture by 1 to 2 levels, and speech the cells of the mouth by 10 to 100.
MAX_STILL_CHANGE = 3.0
CELL_PX = 8  # read along each side of a cell, at most


class StillnessMeter:
    """Compares each sampled frame with the one before."""

    def __init__(self) -> None:
        self._last: tuple[Image, list[Box]] | None = None

    def is_still(self, image: Image, boxes_px: Sequence[Box]) -> bool:
        """Return whether nothing moves since the previous frame, which is then replaced.

        Compared are the faces of the previous frame, or the whole picture where it had none, so
        that captions and a moving waveform beside a photograph do not count.

        Args:
            image: RGB, shape ``(height, width, 3)``.
            boxes_px: Left, top, right, bottom of each face in this frame, shape ``(4,)``.
        """
        last, self._last = self._last, (image, list(boxes_px))
        if last is None or last[0].shape != image.shape:
            return False
        previous, faces = last
        regions = [region for face in faces if (region := _inside(face, image.shape))]
        if not regions:
            regions = [(0, 0, image.shape[1], image.shape[0])]
        cells = FACE_CELLS if faces else PICTURE_CELLS
        return all(
            _change(previous, image, region, cells) <= MAX_STILL_CHANGE for region in regions
        )


def _inside(box: Box, shape: tuple[int, ...]) -> tuple[int, int, int, int] | None:
    """Return the part of a box inside the picture, in whole pixels; ``None`` if it is empty."""
    left, top = np.maximum(np.floor(box[:2]), 0).astype(int).tolist()
    right, bottom = np.minimum(np.ceil(box[2:]), shape[1::-1]).astype(int).tolist()
    return (left, top, right, bottom) if left < right and top < bottom else None


def _change(previous: Image, image: Image, region: tuple[int, int, int, int], cells: int) -> float:
    """Return the largest change of the mean of a cell, in grey levels."""
    left, top, right, bottom = region
    side = max(right - left, bottom - top)
    step, scale = max(side // (cells * CELL_PX), 1), cells / side
    size = (max(round((right - left) * scale), 1), max(round((bottom - top) * scale), 1))
    means = [
        cv2.resize(
            cv2.cvtColor(picture[top:bottom, left:right], cv2.COLOR_RGB2GRAY)[::step, ::step],
            size,
            interpolation=cv2.INTER_AREA,
        ).astype(np.float32)
        for picture in (previous, image)
    ]
    return float(np.abs(means[1] - means[0]).max())
