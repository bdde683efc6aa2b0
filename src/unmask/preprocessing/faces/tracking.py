"""Face tracking: association of the faces in a frame with the people of earlier frames."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from unmask.preprocessing.faces.boxes import Box, iou
from unmask.preprocessing.faces.detection import Face
from unmask.preprocessing.media.sampling import TOLERANCE_S

MAX_GAP_S = 3.0  # a person who was absent for longer gets a new ID
RECENT_S = 0.5  # how long a lost face is still searched for at its last position
DETECT_EVERY_S = 1.0  # delay until a further person is detected, at most
DETECT_FIRST_EVERY_S = 2.0  # delay where nobody is seen, for a face that is hard to find
MIN_SIMILARITY = 0.15


@dataclass(slots=True)
class _Sighting:
    face: Face
    time_s: float


class Tracker:
    """Assigns IDs to tracks in order of appearance, by overlap and distance of their boxes.

    Attributes:
        shot: Number of the shot, from 0.
    """

    def __init__(self) -> None:
        self.shot = 0
        self._last: list[_Sighting] = []  # by person
        self._detected_s = -inf

    def end_tracks(self) -> None:
        """Give everybody a new ID from here on, as after a cut, and search for faces at once."""
        for last in self._last:
            last.time_s = -inf
        self._detected_s = -inf
        self.shot += 1

    def recent_faces(self, time_s: float) -> list[Face]:
        """Return the faces seen within the last ``RECENT_S``."""
        return [last.face for last in self._last if time_s - last.time_s <= RECENT_S]

    def should_detect(self, time_s: float) -> bool:
        """Return whether to search for new people, and assume that the caller then does so."""
        every_s = DETECT_EVERY_S if self.recent_faces(time_s) else DETECT_FIRST_EVERY_S
        due = time_s - self._detected_s >= every_s - TOLERANCE_S
        if due:
            self._detected_s = time_s
        return due

    def assign_ids(self, time_s: float, faces: Sequence[Face]) -> list[int]:
        """Return the person of each face, matched greedily by descending similarity."""
        recent = [n for n, last in enumerate(self._last) if time_s - last.time_s <= MAX_GAP_S]
        pairs = sorted(
            ((_similarity(self._last[n].face.box_px, face.box_px), n, k)
             for n in recent for k, face in enumerate(faces)),
            key=lambda pair: (-pair[0], pair[1], pair[2]),
        )  # fmt: skip
        person: dict[int, int] = {}
        for similarity, n, k in pairs:
            if similarity >= MIN_SIMILARITY and k not in person and n not in person.values():
                person[k] = n
        for k, face in enumerate(faces):
            if k not in person:
                person[k] = len(self._last)
                self._last.append(_Sighting(face, time_s))
            self._last[person[k]] = _Sighting(face, time_s)
        return [person[k] for k in range(len(faces))]


def _similarity(before: Box, after: Box) -> float:
    """Return the overlap, or for fast motion a score from distance and relative size."""
    sides = np.array([np.sqrt(np.prod(box[2:] - box[:2])) for box in (before, after)])
    distance = float(np.hypot(*((after[:2] + after[2:] - before[:2] - before[2:]) / 2)))
    proximity = 1 - distance / max(float(sides.max()), 1.0)
    size_ratio = float(sides.min() / max(float(sides.max()), 1.0))
    return max(iou(before, after), proximity * size_ratio)
