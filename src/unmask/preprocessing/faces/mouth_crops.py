"""Mouths at the rate of speech, from faces that were found far less often.

The face mesh looks at a few frames a second. Between two of them a face moves little, so its
points are interpolated in time, and the mouth is cut out of every frame with them.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unmask.config import LipSettings, PreprocessingSettings
from unmask.preprocessing.faces.alignment import ARCFACE_112, estimate_similarity, warp_crop
from unmask.preprocessing.faces.landmarks import five_points
from unmask.preprocessing.media.decode import iter_frames, luma
from unmask.preprocessing.media.sampling import SLACK_S, FrameSampler
from unmask.preprocessing.timing import StageTimer
from unmask.records import MediaInfo, MouthCrops, PersonFeatures

MAX_GAP_S = 0.6  # a face unseen for longer may have moved anywhere meanwhile
MAX_AWAY_S = 0.1  # a tick without a frame this near shows no mouth
# In units of the 112 px ArcFace face, whose mouth is 29 wide: a square from the nose's tip to
# the chin of an open mouth. It hangs on eyes, nose and corners, so that an opening mouth stays
# as large and as high as it was.
CENTRE_112 = (56.13, 95.0)
SIDE_112 = 48.0
TEMPLATE = (np.array(ARCFACE_112) - CENTRE_112) / SIDE_112 + 0.5  # in sides of the crop
UPPER_INNER, LOWER_INNER = 62, 66

Points = NDArray[Any]
Grey = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A picture whose faces are not known yet, and the tick that it was chosen for."""

    tick: int
    time_s: float
    grey: Grey


@dataclass(frozen=True, slots=True)
class _Known:
    """What was found of one face: five points, then the inner lips, shape ``(7, 2)``."""

    time_s: float
    points: Points


@dataclass(frozen=True, slots=True)
class _Mouth:
    tick: int
    crop: Grey
    opening: float


class MouthCropper:
    """Follows mouths through a video that is decoded once; holds some frames, never all.

    Tell it of every decoded frame (:meth:`see`) and of the faces in the sampled ones
    (:meth:`know`), in order of time, and at last of the :meth:`end`. Each tick of the clock
    gets the frame shown nearest to it.
    """

    def __init__(self, settings: LipSettings) -> None:
        self._settings = settings
        self._tick = 0  # the next that has no frame yet
        self._last: tuple[float, Any] | None = None  # frame that may still get ticks
        self._waiting: list[_Waiting] = []
        self._known: dict[int, _Known] = {}
        self._mouths: dict[int, list[_Mouth]] = defaultdict(list)
        self._done: dict[int, int] = {}  # person → last tick with a mouth
        self._ended = False

    def add_frame(self, time_s: float, frame: Any) -> None:
        """The next decoded frame; see :func:`unmask.preprocessing.media.decode.frames`."""
        if self._last is not None:
            self._spread(*self._last, time_s)
        self._last = (time_s, frame)

    def add_landmarks(self, time_s: float, faces: Mapping[int, Points]) -> None:
        """Who is in the frame seen last.

        Args:
            faces: Person to 68 points in the picture as shown, shape ``(68, 2)``.
        """
        for person, landmarks in faces.items():
            inner = landmarks[[UPPER_INNER, LOWER_INNER]]
            now = _Known(time_s, np.concatenate([five_points(landmarks), inner]))
            before = self._known.get(person)
            if before is not None:
                near = time_s - before.time_s <= MAX_GAP_S + SLACK_S
                self._read(person, before, now if near else before)
            self._known[person] = now
        for person, before in list(self._known.items()):
            if time_s - before.time_s > MAX_GAP_S + SLACK_S:
                self._read(person, before, before)
                del self._known[person]
        oldest_s = min((one.time_s for one in self._known.values()), default=time_s)
        self._waiting = [one for one in self._waiting if one.time_s >= oldest_s]

    def finish(self) -> None:
        """No frame follows."""
        if self._last is not None:
            self._spread(*self._last, self._last[0] + 1 / self._settings.rate_hz)
        for person, before in self._known.items():
            self._read(person, before, before)
        self._last, self._waiting, self._known = None, [], {}
        self._ended = True

    def pop(self, start_s: float = 0.0, end_s: float = math.inf) -> dict[int, MouthCrops]:
        """Give away what is read of each person before ``end_s``, or all after the :meth:`end`.

        Times count from ``start_s``.
        """
        taken: dict[int, MouthCrops] = {}
        until_s = math.inf if self._ended else end_s - SLACK_S
        for person, mouths in self._mouths.items():
            due = [one for one in mouths if self._time_s(one.tick) < until_s]
            self._mouths[person] = mouths[len(due) :]
            if due:
                taken[person] = MouthCrops(
                    np.stack([one.crop for one in due]),
                    np.array([self._time_s(one.tick) - start_s for one in due]),
                    np.array([one.opening for one in due], np.float32),
                    self._settings.rate_hz,
                )
        return taken

    def _time_s(self, tick: int) -> float:
        return tick / self._settings.rate_hz

    def _spread(self, shown_s: float, frame: Any, next_s: float) -> None:
        """Give a frame to the ticks that it is nearer to than the frame at ``next_s``."""
        rate_hz = self._settings.rate_hz
        # of two frames equally near the earlier, though containers round their times
        middle_s = (shown_s + next_s) / 2 + SLACK_S
        first = max(self._tick, math.ceil((shown_s - MAX_AWAY_S) * rate_hz))
        last = math.floor(min(middle_s, shown_s + MAX_AWAY_S) * rate_hz)
        if first <= last:
            grey = luma(frame)
            self._waiting += [_Waiting(tick, shown_s, grey) for tick in range(first, last + 1)]
        self._tick = max(self._tick, math.floor(middle_s * rate_hz) + 1)

    def _read(self, person: int, before: _Known, now: _Known) -> None:
        """Cut one person's mouth out of the frames between two in which the face was found."""
        for one in self._waiting:
            if not before.time_s <= one.time_s <= now.time_s:
                continue
            if one.tick <= self._done.get(person, -1):
                continue
            part = (one.time_s - before.time_s) / max(now.time_s - before.time_s, 1e-9)
            points = before.points + part * (now.points - before.points)
            self._mouths[person].append(_mouth(one, points, self._settings.crop_px))
            self._done[person] = one.tick


def extract_mouth_crops(
    info: MediaInfo,
    settings: PreprocessingSettings,
    people: Iterable[PersonFeatures],
    watch: StageTimer,
) -> dict[int, MouthCrops]:
    """Mouths of people who were followed before: a second look at the file, brightness alone.

    Args:
        watch: Counts the stages ``decode`` and ``lips``.
    """
    tracks = [one.track for one in people]
    if not tracks:
        return {}
    found: dict[float, dict[int, Points]] = defaultdict(dict)
    for track in tracks:
        for time_s, landmarks in zip(track.time_s.tolist(), track.landmarks_px, strict=True):
            found[time_s][track.person] = landmarks
    reader, sampler = MouthCropper(settings.lips), FrameSampler(settings.sampling.rate_hz)
    for time_s, frame in watch.measure_iter("decode", iter_frames(info.path)):
        with watch.measure("lips"):
            reader.add_frame(time_s, frame)
            if sampler.should_take(time_s):
                reader.add_landmarks(time_s, found.get(time_s, {}))
    with watch.measure("lips"):
        reader.finish()
        return reader.pop()


def attach_mouth_crops(
    people: tuple[PersonFeatures, ...], lips: Mapping[int, MouthCrops] | None, settings: LipSettings
) -> tuple[PersonFeatures, ...]:
    """The same people, each with its lips; without a single mouth where none could be cut out."""
    if lips is None:
        return people
    blank = MouthCrops(
        np.zeros((0, settings.crop_px, settings.crop_px), np.uint8),
        np.zeros(0),
        np.zeros(0, np.float32),
        settings.rate_hz,
    )
    return tuple(replace(one, lips=lips.get(one.track.person, blank)) for one in people)


def _mouth(shown: _Waiting, points: Points, crop_px: int) -> _Mouth:
    """The crop, and how far apart the inner lips are, in sides of the 112 px face."""
    matrix = estimate_similarity(points[:5], TEMPLATE * crop_px)
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    gap_px = float(np.hypot(*(points[6] - points[5])))
    opening = gap_px * scale * SIDE_112 / crop_px / 112
    return _Mouth(shown.tick, warp_crop(shown.grey, matrix, crop_px), opening)
