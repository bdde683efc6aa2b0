"""Mouth crops at 25 Hz, from landmarks that are detected less often.

Landmarks are detected in a few frames per second. Faces move little between two of them, so the
landmarks are interpolated in time, and the mouth is cropped from every frame.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unmask.config import LipSettings, PreprocessingSettings
from unmask.preprocessing.faces.alignment import ARCFACE_112, EPS, estimate_similarity, warp_crop
from unmask.preprocessing.faces.landmarks import LOWER_INNER_LIP, UPPER_INNER_LIP, five_points
from unmask.preprocessing.media.colour import luma
from unmask.preprocessing.media.display import DisplayedFrame
from unmask.preprocessing.media.frames import iter_frames
from unmask.preprocessing.media.sampling import TOLERANCE_S, FrameSampler
from unmask.preprocessing.timing import StageTimer
from unmask.records import MediaInfo, MouthCrops, PersonFeatures

MAX_GAP_S = 0.6  # across longer gaps, the position of a face cannot be interpolated
MAX_OFFSET_S = 0.1  # a tick without a frame this close has no crop
# A square from the nose tip to the chin of an open mouth, in pixels of the 112 px ArcFace crop,
# whose mouth is 29 px wide. It is positioned by eyes, nose and mouth corners, so that opening
# the mouth changes neither its size nor its position.
CENTRE_112 = (56.13, 95.0)
SIDE_112 = 48.0
TEMPLATE = (np.array(ARCFACE_112) - CENTRE_112) / SIDE_112 + 0.5  # in crop sides

Points = NDArray[Any]
Grey = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _PendingFrame:
    """A frame chosen for a tick, whose landmarks are not known yet."""

    tick: int
    time_s: float
    grey: Grey


@dataclass(frozen=True, slots=True)
class _Keypoints:
    """Landmarks of one face at one time: five points and the inner lips, shape ``(7, 2)``."""

    time_s: float
    points: Points


@dataclass(frozen=True, slots=True)
class _Crop:
    tick: int
    time_s: float  # of the frame
    image: Grey
    opening: float


class MouthCropper:
    """Crops mouths while a video is decoded once; holds a few frames in memory.

    Pass every decoded frame to :meth:`add_frame` and the landmarks of the sampled frames to
    :meth:`add_landmarks`, in order of time, then call :meth:`finish`. Each tick uses the frame
    shown nearest to it.
    """

    def __init__(self, settings: LipSettings) -> None:
        self._settings = settings
        self._next_tick = 0
        # latest frame, which may match more ticks
        self._last: tuple[float, DisplayedFrame] | None = None
        self._pending: list[_PendingFrame] = []
        self._keypoints: dict[int, _Keypoints] = {}  # latest, by person
        self._crops: dict[int, list[_Crop]] = defaultdict(list)
        self._last_tick: dict[int, int] = {}  # of the crops of each person
        self._finished = False

    @property
    def pending_frames(self) -> int:
        """Number of frames held in memory until their landmarks are known."""
        return len(self._pending)

    def add_frame(self, time_s: float, frame: DisplayedFrame) -> None:
        """Add the next decoded frame.

        Args:
            frame: See :func:`unmask.preprocessing.media.frames.iter_frames`.
        """
        if self._last is not None:
            self._assign_ticks(*self._last, time_s)
        self._last = (time_s, frame)

    def add_landmarks(self, time_s: float, faces: Mapping[int, Points]) -> None:
        """Add the faces of the latest frame, which crops the mouths of the frames before it.

        Args:
            faces: 68 points in the upright frame, shape ``(68, 2)``, by person.
        """
        for person, landmarks in faces.items():
            inner_lips = landmarks[[UPPER_INNER_LIP, LOWER_INNER_LIP]]
            current = _Keypoints(time_s, np.concatenate([five_points(landmarks), inner_lips]))
            previous = self._keypoints.get(person)
            if previous is not None:
                in_reach = time_s - previous.time_s <= MAX_GAP_S + TOLERANCE_S
                self._crop_between(person, previous, current if in_reach else previous)
            self._keypoints[person] = current
        for person, previous in list(self._keypoints.items()):
            if time_s - previous.time_s > MAX_GAP_S + TOLERANCE_S:
                self._crop_between(person, previous, previous)
                del self._keypoints[person]
        oldest_s = min((points.time_s for points in self._keypoints.values()), default=time_s)
        self._pending = [frame for frame in self._pending if frame.time_s >= oldest_s]

    def finish(self) -> None:
        """Crop the mouths of the remaining frames; no frame may follow."""
        if self._last is not None:
            self._assign_ticks(*self._last, self._last[0] + 1 / self._settings.rate_hz)
        for person, keypoints in self._keypoints.items():
            self._crop_between(person, keypoints, keypoints)
        self._last, self._pending, self._keypoints = None, [], {}
        self._finished = True

    def drop(self, after_s: float, before_s: float) -> None:
        """Remove the crops of the frames between two times, as of a dissolve."""
        for person, crops in self._crops.items():
            self._crops[person] = [c for c in crops if not after_s < c.time_s < before_s]
        for person, keypoints in list(self._keypoints.items()):
            if after_s < keypoints.time_s < before_s:
                del self._keypoints[person]

    def pop(self, start_s: float = 0.0, end_s: float = math.inf) -> dict[int, MouthCrops]:
        """Remove and return the crops before ``end_s``, or all crops after :meth:`finish`.

        Returns:
            Crops by person, for those who have any; times are relative to ``start_s``.
        """
        popped: dict[int, MouthCrops] = {}
        limit_s = math.inf if self._finished else end_s - TOLERANCE_S
        for person, crops in self._crops.items():
            due = [crop for crop in crops if self._time_s(crop.tick) < limit_s]
            self._crops[person] = crops[len(due) :]
            if due:
                popped[person] = MouthCrops(
                    np.stack([crop.image for crop in due]),
                    np.array([self._time_s(crop.tick) - start_s for crop in due]),
                    np.array([crop.opening for crop in due], np.float32),
                    self._settings.rate_hz,
                )
        return popped

    def _time_s(self, tick: int) -> float:
        return tick / self._settings.rate_hz

    def _assign_ticks(self, time_s: float, frame: DisplayedFrame, next_s: float) -> None:
        """Assign the frame to the ticks to which it is nearer than the frame at ``next_s``."""
        rate_hz = self._settings.rate_hz
        # the earlier of two equally near frames, although containers round timestamps
        middle_s = (time_s + next_s) / 2 + TOLERANCE_S
        first = max(self._next_tick, math.ceil((time_s - MAX_OFFSET_S) * rate_hz))
        last = math.floor(min(middle_s, time_s + MAX_OFFSET_S) * rate_hz)
        if first <= last:
            grey = luma(frame)
            self._pending += [_PendingFrame(tick, time_s, grey) for tick in range(first, last + 1)]
        self._next_tick = max(self._next_tick, math.floor(middle_s * rate_hz) + 1)

    def _crop_between(self, person: int, before: _Keypoints, after: _Keypoints) -> None:
        """Crop one person's mouth from the frames between two detections of the face."""
        for frame in self._pending:
            if not before.time_s <= frame.time_s <= after.time_s:
                continue
            if frame.tick <= self._last_tick.get(person, -1):
                continue
            weight = (frame.time_s - before.time_s) / max(after.time_s - before.time_s, EPS)
            points = before.points + weight * (after.points - before.points)
            self._crops[person].append(_crop_mouth(frame, points, self._settings.crop_px))
            self._last_tick[person] = frame.tick


def extract_mouth_crops(
    info: MediaInfo,
    settings: PreprocessingSettings,
    people: Iterable[PersonFeatures],
    timer: StageTimer,
) -> dict[int, MouthCrops]:
    """Crop the mouths of people who were tracked before, in another pass over the file.

    Args:
        timer: Measures the stages ``decode`` and ``lips``.

    Returns:
        Crops by person, for those who have any.
    """
    tracks = [person.track for person in people]
    if not tracks:
        return {}
    landmarks: dict[float, dict[int, Points]] = defaultdict(dict)  # by time, then person
    for track in tracks:
        for time_s, landmarks_px in zip(track.time_s.tolist(), track.landmarks_px, strict=True):
            landmarks[time_s][track.person] = landmarks_px
    cropper, sampler = MouthCropper(settings.lips), FrameSampler(settings.sampling.rate_hz)
    for time_s, frame in timer.measure_iter("decode", iter_frames(info.path)):
        with timer.measure("lips"):
            cropper.add_frame(time_s, frame)
            if sampler.should_take(time_s):
                cropper.add_landmarks(time_s, landmarks.get(time_s, {}))
    with timer.measure("lips"):
        cropper.finish()
        return cropper.pop()


def _crop_mouth(frame: _PendingFrame, points: Points, crop_px: int) -> _Crop:
    """Crop the mouth, and measure its opening in sides of the 112 px face."""
    matrix = estimate_similarity(points[:5], TEMPLATE * crop_px)
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    gap_px = float(np.hypot(*(points[6] - points[5])))
    opening = gap_px * scale * SIDE_112 / crop_px / 112
    return _Crop(frame.tick, frame.time_s, warp_crop(frame.grey, matrix, crop_px), opening)
