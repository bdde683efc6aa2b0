"""Thumbnails of frames, and how different two of them are."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.optional_deps import require

SAMPLES_PX = 48  # read along each side of a frame, whatever its size
THUMBNAIL_PX = 32
MAX_SHIFT_PX = 4  # of the thumbnail, an eighth of the picture
INNER = slice(MAX_SHIFT_PX, -MAX_SHIFT_PX)
SHRUNK_PX = (29, 29)  # of a thumbnail that is compared as if zoomed
MIN_CONTRAST = 4.0  # standard deviation of luma; a plain frame, as in a flash, is skipped
MAX_LUMA = 200  # above it, a flash may have clipped a colour
MIN_UNCLIPPED = 50  # pixels that the correlation without clipped ones needs

Thumbnail = NDArray[np.uint8]  # luma and two of chroma, shape (32, 32, 3)
Unit = NDArray[np.float32]  # a thumbnail without the mean of each channel, scaled to length 1


class ThumbnailReader:
    """Makes thumbnails of decoded frames of any format."""

    def __init__(self) -> None:
        self._reformatter = require("av.video.reformatter", extra="media").VideoReformatter()

    def read(self, frame: Any) -> Thumbnail:
        """Return the thumbnail of a frame of PyAV."""
        samples = self._reformatter.reformat(
            frame, SAMPLES_PX, SAMPLES_PX, "rgb24", interpolation="POINT", threads=1
        ).to_ndarray()
        small = cv2.resize(samples, (THUMBNAIL_PX, THUMBNAIL_PX), interpolation=cv2.INTER_AREA)
        return cv2.cvtColor(small, cv2.COLOR_RGB2YCrCb)


def is_plain(image: Thumbnail) -> bool:
    """Return whether a picture has hardly any contrast, as a black one."""
    return float(cv2.meanStdDev(image)[1][0, 0]) < MIN_CONTRAST


def unit_of(thumbnail: Thumbnail) -> Unit:
    """Return the thumbnail without the mean of each channel, scaled to length 1."""
    centred: Unit = thumbnail.astype(np.float32) - np.array(cv2.mean(thumbnail)[:3], np.float32)
    return centred / np.float32(cv2.norm(centred))


def moved_distance(last: Thumbnail, thumbnail: Thumbnail) -> float:
    """Return the least distance over shifts, zooms and flashes from one frame to the other.

    A distance is 1 minus a correlation, from 0 to 2.
    """
    distances = [_unclipped_distance(last, thumbnail)]
    for image, other in ((last, thumbnail), (thumbnail, last)):
        shrunk = cv2.resize(other, SHRUNK_PX, interpolation=cv2.INTER_AREA)
        for part in (other, other[INNER, INNER], shrunk):
            if not is_plain(part):
                fits = cv2.matchTemplate(image, part, cv2.TM_CCOEFF_NORMED)
                distances.append(1 - float(fits.max()))
    return min(distances)


def _unclipped_distance(last: Thumbnail, thumbnail: Thumbnail) -> float:
    """Return the distance of the pixels that a flash in either frame leaves unclipped."""
    unclipped = np.maximum(last[..., 0], thumbnail[..., 0]) <= MAX_LUMA
    if unclipped.sum() < MIN_UNCLIPPED:
        return 1.0
    pair = [image[unclipped] - image[unclipped].mean(axis=0) for image in (last, thumbnail)]
    lengths = np.sqrt((pair[0] ** 2).sum() * (pair[1] ** 2).sum())
    return 1 - float((pair[0] * pair[1]).sum() / max(lengths, 1e-6))
