"""Cuts and dissolves between the decoded frames of a video.

Two frames of one shot are alike up to a shift, by a pan, a hand-held camera or a moving head, and
up to brightness and contrast. A cut is a distance far beyond the usual one of its shot.
A fade ends in plain frames, which are skipped, so it is a cut to the picture after them. For
dissolves see :mod:`unmask.preprocessing.faces.dissolves`.
"""

import math

import numpy as np

from unmask.preprocessing.faces.dissolves import DissolveDetector
from unmask.preprocessing.faces.thumbnails import (
    Thumbnail,
    ThumbnailReader,
    Unit,
    is_plain,
    moved_distance,
    unit_of,
)
from unmask.preprocessing.media.display import DisplayedFrame

# Least distance between two shots, 1 minus the correlation, of frames 40 ms apart. It grows with
# the square root of the time in between, as motion does.
MIN_DISTANCE, FRAME_S = 0.12, 0.04
MAX_MIN_DISTANCE = 0.3
MIN_RATIO = 3.0  # of the distance to the usual one, which is large with much motion
HISTORY = 15  # distances within the shot that the usual one is taken of
RECENT = 2  # last of them, the largest of which is usual, as motion starts at once
FIRST_USUAL = 0.1  # of a shot, until its own are known
REPEATED = 1e-4  # largest distance of a repeated frame, which tells nothing of the motion


class ShotDetector:
    """Finds the first frame of each shot; the first frame of a video starts none.

    After a dissolve, that is a frame up to 0.4 s after its end.

    Pass every decoded frame to :meth:`add_frame`, in order of time.
    """

    def __init__(self) -> None:
        self._reader = ThumbnailReader()
        self._last: tuple[Thumbnail, Unit] | None = None
        self._changed_s = -math.inf  # when the last frame was shown first
        self._distances = [FIRST_USUAL]
        self._started = False
        self._dissolves = DissolveDetector()
        self._dissolved_s: list[tuple[float, float]] = []

    def add_frame(self, time_s: float, shown: DisplayedFrame) -> None:
        """Compare the next decoded frame with the last one that is not plain."""
        thumbnail = self._reader.read(shown.frame)
        if is_plain(thumbnail):
            self._dissolves.clear()
            return
        unit = unit_of(thumbnail)
        if self._is_cut(time_s, thumbnail, unit):
            self._start_shot()
        begin_s = self._dissolves.add_frame(time_s, thumbnail, unit)
        if begin_s is not None:
            self._dissolved_s.append((begin_s, time_s))
            self._start_shot()

    def pop_dissolves(self) -> list[tuple[float, float]]:
        """Return the dissolves since the last call, from their begin to the start of a shot.

        The frames from the begin on, and before that start, show a mixture of two pictures, or the
        second one under the tracks of the first.
        """
        dissolved_s, self._dissolved_s = self._dissolved_s, []
        return dissolved_s

    def _start_shot(self) -> None:
        self._started = True
        self._dissolves.clear()

    def _is_cut(self, time_s: float, thumbnail: Thumbnail, unit: Unit) -> bool:
        (last, last_unit), self._last = self._last or (thumbnail, unit), (thumbnail, unit)
        distance = 1 - float(np.vdot(last_unit, unit))
        if distance <= REPEATED:
            return False
        is_cut = False
        if distance >= MIN_DISTANCE:  # seldom, so that the cost of what follows is small
            least = self._least_distance(time_s)
            distance = moved_distance(last, thumbnail)
            is_cut = distance >= least
        self._changed_s = time_s
        self._distances = [*self._distances, FIRST_USUAL if is_cut else distance][-HISTORY:]
        return is_cut

    def pop_start(self) -> bool:
        """Return whether a shot started since the last call."""
        started, self._started = self._started, False
        return started

    def _least_distance(self, time_s: float) -> float:
        """Return the least distance of a frame of another shot."""
        growth = math.sqrt(max((time_s - self._changed_s) / FRAME_S, 1))
        usual = max(float(np.median(self._distances)), *self._distances[-RECENT:])
        return max(min(MIN_DISTANCE * growth, MAX_MIN_DISTANCE), MIN_RATIO * usual)
