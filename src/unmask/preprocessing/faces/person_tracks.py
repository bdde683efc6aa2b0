"""Face tracks of all people in a video, window by window: detected, tracked and aligned.

A track ends at a cut; :mod:`unmask.preprocessing.faces.identities` finds those of one person. The
faces in a dissolve are mixtures of two pictures and belong to no track, so a window is complete
only once a dissolve that began in it has ended.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unmask.config import AlignSettings, PreprocessingSettings
from unmask.preprocessing.faces.alignment import align_face, crop_box
from unmask.preprocessing.faces.detection import Face, FaceLandmarker, get_landmarker
from unmask.preprocessing.faces.dissolves import LONGEST_S
from unmask.preprocessing.faces.head_pose import estimate_head_pose
from unmask.preprocessing.faces.merged_tracks import by_presence
from unmask.preprocessing.faces.mouth_crops import MouthCropper
from unmask.preprocessing.faces.regions import Image
from unmask.preprocessing.faces.shots import ShotDetector
from unmask.preprocessing.faces.stillness import StillnessMeter
from unmask.preprocessing.faces.tracking import Tracker
from unmask.preprocessing.media.display import DisplayedFrame
from unmask.preprocessing.media.frames import Frame, iter_sampled_frames
from unmask.preprocessing.media.sampling import window_index
from unmask.preprocessing.timing import StageTimer
from unmask.records import FaceTrack, MediaInfo, PersonFeatures

_Components = tuple[FaceLandmarker, Tracker, ShotDetector, StillnessMeter, MouthCropper | None]


@dataclass(frozen=True, slots=True)
class PeopleWindow:
    """The face tracks in one window.

    Attributes:
        index: Index of the window, from 0.
        last_s: Time of its last sampled frame.
        people: One per track, whose number is ``track.person``, without flow, in descending order
            of screen presence.
        frames_still: Sampled frames in which nothing moves since the one before.
    """

    index: int
    last_s: float
    frames_sampled: int
    people: tuple[PersonFeatures, ...]
    frames_still: int = 0


@dataclass(slots=True)
class _TrackFrames:
    """One track's frames of the current window."""

    shot: int
    time_s: list[float] = field(default_factory=list)
    detected: list[Face] = field(default_factory=list)
    pose_deg: list[NDArray[Any]] = field(default_factory=list)
    faces: list[NDArray[Any]] = field(default_factory=list)
    landmarks: list[NDArray[Any]] = field(default_factory=list)

    def add(self, time_s: float, image: Image, face: Face, settings: AlignSettings) -> None:
        """Align the face and append it."""
        height, width = image.shape[:2]
        points, crop_px = face.landmarks_px, settings.crop_px
        if settings.method == "box":
            aligned, landmarks = crop_box(image, face.box_px, points, crop_px)
        else:
            aligned, landmarks = align_face(image, points, crop_px)
        self.time_s.append(time_s)
        self.detected.append(face)
        self.pose_deg.append(estimate_head_pose(points, width, height))
        self.faces.append(aligned)
        self.landmarks.append(landmarks)

    def drop(self, begin_s: float, end_s: float) -> None:
        """Remove the frames from ``begin_s`` to before ``end_s``."""
        keep = [not begin_s <= time_s < end_s for time_s in self.time_s]
        for name in ("time_s", "detected", "pose_deg", "faces", "landmarks"):
            setattr(self, name, list(compress(getattr(self, name), keep)))

    def to_features(self, person: int) -> PersonFeatures:
        """Stack all frames."""
        track = FaceTrack(
            person,
            np.array(self.time_s),
            np.stack([face.box_px for face in self.detected]),
            np.stack([face.landmarks_px for face in self.detected]),
            np.stack(self.pose_deg),
            np.full(len(self.time_s), self.shot),
        )
        return PersonFeatures(track, np.stack(self.faces), None, np.stack(self.landmarks))


@dataclass(slots=True)
class _Window:
    """The window that is being filled, or waits for a dissolve that may have begun in it."""

    index: int
    times_s: list[float] = field(default_factory=list)
    still: int = 0
    tracks: dict[int, _TrackFrames] = field(default_factory=dict)

    @property
    def last_s(self) -> float:
        return self.times_s[-1]

    def add_times(self, time_s: float, *, is_still: bool) -> None:
        self.times_s.append(time_s)
        self.still += is_still

    def drop(self, begin_s: float, end_s: float) -> float:
        """Remove the faces in a span of time; return the last sampled frame before it."""
        for frames in self.tracks.values():
            frames.drop(begin_s, end_s)
        return max((time_s for time_s in self.times_s if time_s < begin_s), default=-math.inf)

    def build(self) -> PeopleWindow:
        features = [kept.to_features(n) for n, kept in self.tracks.items() if kept.time_s]
        people = tuple(sorted(features, key=by_presence))
        return PeopleWindow(self.index, self.last_s, len(self.times_s), people, self.still)


def iter_person_windows(
    info: MediaInfo,
    settings: PreprocessingSettings,
    window_s: float,
    timer: StageTimer,
    mouths: MouthCropper | None = None,
    part_s: tuple[float, float] = (0.0, math.inf),
) -> Iterator[PeopleWindow]:
    """Detect and track all faces in the video, one window at a time.

    A track has the same number in all windows, and a new one starts after each cut. Windows
    without a frame are skipped; a file without video yields none. Only the faces of one window and
    of ``LONGEST_S`` after it are held in memory.

    Args:
        window_s: Length of a window; infinite for the whole video.
        timer: Measures the stages ``decode``, ``faces``, ``align`` and ``lips``.
        mouths: Crops the mouths in the same pass. When a window is yielded, the crops of the
            previous window are complete; after the last window, all are.
        part_s: Start and end of the part of the video to process.
    """
    if not info.has_video:
        return
    landmarker, tracker = get_landmarker(settings.faces), Tracker()
    shots = ShotDetector()
    components = landmarker, tracker, shots, StillnessMeter(), mouths

    def on_frame(time_s: float, frame: DisplayedFrame) -> None:
        shots.add_frame(time_s, frame)
        if mouths:
            mouths.add_frame(time_s, frame)

    frames = iter_sampled_frames(info.path, settings.sampling.rate_hz, *part_s, on_frame=on_frame)
    timed = timer.measure_iter("decode", frames)
    indexed = ((window_index(f[0], window_s, info.duration_s), f) for f in timed)
    for window in _fill_windows(indexed, components, settings.align, timer):
        yield window.build()
    if mouths:
        with timer.measure("lips"):
            mouths.finish()


def _fill_windows(
    frames: Iterable[tuple[int, Frame]],
    components: _Components,
    settings: AlignSettings,
    timer: StageTimer,
) -> Iterator[_Window]:
    """Yield each window once no dissolve that begins in it can still be found.

    Args:
        frames: After the index of their window.
    """
    pending: list[_Window] = []
    for index, frame in frames:
        if not pending or pending[-1].index != index:
            pending.append(_Window(index))
        _drop_dissolves(pending, components)
        _add_frame(pending[-1], frame, components, settings, timer)
        while len(pending) > 1 and frame[0] - pending[0].last_s > LONGEST_S:
            yield pending.pop(0)
    _drop_dissolves(pending, components)
    yield from pending


def _drop_dissolves(windows: Sequence[_Window], components: _Components) -> None:
    """Remove the frames of the dissolves that were found since the last sampled frame."""
    shots, mouths = components[2], components[4]
    for begin_s, start_s in shots.pop_dissolves():
        kept_s = max((window.drop(begin_s, start_s) for window in windows), default=-math.inf)
        if mouths:
            mouths.drop(kept_s, start_s)


def _add_frame(
    window: _Window,
    frame: Frame,
    components: _Components,
    settings: AlignSettings,
    timer: StageTimer,
) -> None:
    landmarker, tracker, shots, meter, mouths = components
    time_s, image = frame
    with timer.measure("faces"):
        if shots.pop_start():
            tracker.end_tracks()
        recent, search = tracker.recent_faces(time_s), tracker.should_detect(time_s)
        faces = landmarker.detect(image, recent, search)
        ids = tracker.assign_ids(time_s, faces)
        is_still = meter.is_still(image, [face.box_px for face in faces])
    with timer.measure("align"):
        window.add_times(time_s, is_still=bool(is_still))
        for track, face in zip(ids, faces, strict=True):
            kept = window.tracks.setdefault(track, _TrackFrames(tracker.shot))
            kept.add(time_s, image, face, settings)
    if mouths:
        with timer.measure("lips"):
            points = [face.landmarks_px for face in faces]
            mouths.add_landmarks(time_s, dict(zip(ids, points, strict=True)))
