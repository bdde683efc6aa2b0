"""The people of a video, window by window: found, followed, aligned."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unmask.config import AlignSettings, PreprocessingSettings
from unmask.preprocessing.faces.alignment import align_face, crop_box
from unmask.preprocessing.faces.detection import Face, FaceLandmarker, get_landmarker
from unmask.preprocessing.faces.head_pose import estimate_head_pose
from unmask.preprocessing.faces.mediapipe_graphs import Picture
from unmask.preprocessing.faces.mouth_crops import MouthCropper
from unmask.preprocessing.faces.tracking import Tracker
from unmask.preprocessing.media.decode import Frame, iter_sampled_frames
from unmask.preprocessing.media.sampling import window_index
from unmask.preprocessing.timing import StageTimer
from unmask.records import FaceTrack, MediaInfo, PersonFeatures


@dataclass(frozen=True, slots=True)
class PeopleWindow:
    """Who is seen in one window.

    Attributes:
        number: Of the window, from 0.
        last_s: Time of its last frame.
        people: Without flow, largest screen presence first.
    """

    number: int
    last_s: float
    frames_sampled: int
    people: tuple[PersonFeatures, ...]


@dataclass(slots=True)
class _Found:
    """One person's frames of the window so far."""

    time_s: list[float] = field(default_factory=list)
    seen: list[Face] = field(default_factory=list)
    pose: list[NDArray[Any]] = field(default_factory=list)
    faces: list[NDArray[Any]] = field(default_factory=list)
    landmarks: list[NDArray[Any]] = field(default_factory=list)

    def add(self, time_s: float, picture: Picture, face: Face, settings: AlignSettings) -> None:
        """Align one face and keep it."""
        height, width = picture.shape[:2]
        points, crop_px = face.landmarks_px, settings.crop_px
        if settings.method == "box":
            aligned, landmarks = crop_box(picture, face.box_px, points, crop_px)
        else:
            aligned, landmarks = align_face(picture, points, crop_px)
        self.time_s.append(time_s)
        self.seen.append(face)
        self.pose.append(estimate_head_pose(points, width, height))
        self.faces.append(aligned)
        self.landmarks.append(landmarks)

    def features(self, person: int) -> PersonFeatures:
        """Everything kept, as arrays."""
        track = FaceTrack(
            person,
            np.array(self.time_s),
            np.stack([face.box_px for face in self.seen]),
            np.stack([face.landmarks_px for face in self.seen]),
            np.stack(self.pose),
        )
        return PersonFeatures(track, np.stack(self.faces), None, np.stack(self.landmarks))


def iter_person_windows(
    info: MediaInfo,
    settings: PreprocessingSettings,
    window_s: float,
    watch: StageTimer,
    mouths: MouthCropper | None = None,
    part_s: tuple[float, float] = (0.0, math.inf),
) -> Iterator[PeopleWindow]:
    """Find and follow everybody in the video, one window at a time.

    A person keeps the same number from window to window. Windows without a single frame are
    left out, and a file without picture gives none. No more than one window's faces are held.

    Args:
        window_s: Length of a window; infinite for the whole video in one.
        watch: Counts the stages ``decode``, ``faces``, ``align`` and ``lips``.
        mouths: Reads everybody's lips on the way. When a window is given, those of the window
            before it are complete, and after the last window all are.
        part_s: Begin and end of what is looked at.
    """
    if not info.has_video:
        return
    landmarker, tracker = get_landmarker(settings.faces), Tracker()
    look = mouths.add_frame if mouths else None
    shown = iter_sampled_frames(info.path, settings.sampling.rate_hz, *part_s, look=look)
    decoded = watch.measure_iter("decode", shown)
    grouped = groupby(decoded, key=lambda f: window_index(f[0], window_s, info.duration_s))
    for number, some in grouped:
        yield _window(number, some, (landmarker, tracker, mouths), settings.align, watch)
    if mouths:
        with watch.measure("lips"):
            mouths.finish()


def _window(
    number: int,
    shown: Iterator[Frame],
    finder: tuple[FaceLandmarker, Tracker, MouthCropper | None],
    settings: AlignSettings,
    watch: StageTimer,
) -> PeopleWindow:
    landmarker, tracker, mouths = finder
    found: dict[int, _Found] = {}
    sampled, time_s = 0, 0.0
    for time_s, picture in shown:
        sampled += 1
        with watch.measure("faces"):
            known, search = tracker.recent_faces(time_s), tracker.should_detect(time_s)
            faces = landmarker.detect(picture, known, search)
            persons = tracker.assign_ids(time_s, faces)
        with watch.measure("align"):
            for person, face in zip(persons, faces, strict=True):
                found.setdefault(person, _Found()).add(time_s, picture, face, settings)
        if mouths:
            with watch.measure("lips"):
                points = [face.landmarks_px for face in faces]
                mouths.add_landmarks(time_s, dict(zip(persons, points, strict=True)))
    people = [one.features(person) for person, one in found.items()]
    return PeopleWindow(number, time_s, sampled, tuple(sorted(people, key=_presence)))


def _presence(person: PersonFeatures) -> tuple[float, int]:
    sides = person.track.boxes_px[:, 2:] - person.track.boxes_px[:, :2]
    return -float(np.prod(sides, axis=1).sum()), person.track.person
