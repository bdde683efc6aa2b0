"""Hard cuts between the decoded frames of a video.

Two frames of one shot are alike up to a shift, by a pan, a hand-held camera or a moving head, and
up to brightness and contrast. A cut is a distance far beyond the usual one of its shot.
Gradual transitions (dissolves, fades from one picture into the next) are not found.
"""

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.optional_deps import require
from unmask.preprocessing.media.display import DisplayedFrame

SAMPLES_PX = 48  # read along each side of a frame, whatever its size
THUMBNAIL_PX = 32
MAX_SHIFT_PX = 4  # of the thumbnail, an eighth of the picture
INNER = slice(MAX_SHIFT_PX, -MAX_SHIFT_PX)
SHRUNK_PX = (29, 29)  # of a thumbnail that is compared as if zoomed
# Least distance between two shots, 1 minus the correlation, of frames 40 ms apart. It grows with
# the square root of the time in between, as motion does.
MIN_DISTANCE, FRAME_S = 0.12, 0.04
MAX_MIN_DISTANCE = 0.3
MIN_RATIO = 3.0  # of the distance to the usual one, which is large with much motion
HISTORY = 15  # distances within the shot that the usual one is taken of
RECENT = 2  # last of them, the largest of which is usual, as motion starts at once
FIRST_USUAL = 0.1  # of a shot, until its own are known
REPEATED = 1e-4  # largest distance of a repeated frame, which tells nothing of the motion
MIN_CONTRAST = 4.0  # standard deviation of luma; a plain frame, as in a flash, is skipped
MAX_LUMA = 200  # above it, a flash may have clipped a colour
MIN_UNCLIPPED = 50  # pixels that the correlation without clipped ones needs

Thumbnail = NDArray[np.uint8]  # luma and two of chroma, shape (32, 32, 3)
Unit = NDArray[np.float32]  # a thumbnail without the mean of each channel, scaled to length 1


class ShotDetector:
    """Finds the first frame of each shot; the first frame of a video starts none.

    Pass every decoded frame to :meth:`add_frame`, in order of time.
    """

    def __init__(self) -> None:
        self._reformatter = require("av.video.reformatter", extra="media").VideoReformatter()
        self._last: tuple[Thumbnail, Unit] | None = None
        self._changed_s = -math.inf  # when the last frame was shown first
        self._distances = [FIRST_USUAL]
        self._started = False

    def add_frame(self, time_s: float, shown: DisplayedFrame) -> None:
        """Compare the next decoded frame with the last one that is not plain."""
        thumbnail = self._thumbnail(shown.frame)
        if _is_plain(thumbnail):
            return
        unit = _unit(thumbnail)
        (last, last_unit), self._last = self._last or (thumbnail, unit), (thumbnail, unit)
        distance = 1 - float(np.vdot(last_unit, unit))
        if distance <= REPEATED:
            return
        if distance >= MIN_DISTANCE:  # seldom, so that the cost of what follows is small
            least = self._least_distance(time_s)
            distance = _moved_distance(last, thumbnail)
            if distance >= least:
                self._started, distance = True, FIRST_USUAL
        self._changed_s = time_s
        self._distances = [*self._distances, distance][-HISTORY:]

    def pop_start(self) -> bool:
        """Return whether a shot started since the last call."""
        started, self._started = self._started, False
        return started

    def _least_distance(self, time_s: float) -> float:
        """Return the least distance of a frame of another shot."""
        growth = math.sqrt(max((time_s - self._changed_s) / FRAME_S, 1))
        usual = max(float(np.median(self._distances)), *self._distances[-RECENT:])
        return max(min(MIN_DISTANCE * growth, MAX_MIN_DISTANCE), MIN_RATIO * usual)

    def _thumbnail(self, frame: Any) -> Thumbnail:
        samples = self._reformatter.reformat(
            frame, SAMPLES_PX, SAMPLES_PX, "rgb24", interpolation="POINT", threads=1
        ).to_ndarray()
        small = cv2.resize(samples, (THUMBNAIL_PX, THUMBNAIL_PX), interpolation=cv2.INTER_AREA)
        return cv2.cvtColor(small, cv2.COLOR_RGB2YCrCb)


def _is_plain(image: Thumbnail) -> bool:
    return float(cv2.meanStdDev(image)[1][0, 0]) < MIN_CONTRAST


def _unit(thumbnail: Thumbnail) -> Unit:
    centred: Unit = thumbnail.astype(np.float32) - np.array(cv2.mean(thumbnail)[:3], np.float32)
    return centred / np.float32(cv2.norm(centred))


def _moved_distance(last: Thumbnail, thumbnail: Thumbnail) -> float:
    """Return the least distance over shifts, zooms and flashes from one frame to the other."""
    distances = [_unclipped_distance(last, thumbnail)]
    for image, other in ((last, thumbnail), (thumbnail, last)):
        shrunk = cv2.resize(other, SHRUNK_PX, interpolation=cv2.INTER_AREA)
        for part in (other, other[INNER, INNER], shrunk):
            if not _is_plain(part):
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
