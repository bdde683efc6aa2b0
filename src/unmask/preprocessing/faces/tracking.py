"""Which face in this picture is the person of the pictures before."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from unmask.preprocessing.faces.detection import Box, Face, iou
from unmask.preprocessing.media.sampling import SLACK_S

MAX_GAP_S = 3.0  # somebody unseen for longer is somebody new
KNOWN_GAP_S = 0.5  # how long a lost face is still looked for where it was
SEARCH_EVERY_S = 1.0  # how soon a newcomer is noticed
MIN_LIKENESS = 0.15


@dataclass(slots=True)
class _Seen:
    face: Face
    time_s: float


class Tracker:
    """Numbers people in order of appearance, by overlap and distance of their boxes."""

    def __init__(self) -> None:
        self._people: list[_Seen] = []
        self._searched_s = -inf

    def recent_faces(self, time_s: float) -> list[Face]:
        """Faces of a moment ago."""
        return [one.face for one in self._people if time_s - one.time_s <= KNOWN_GAP_S]

    def should_detect(self, time_s: float) -> bool:
        """Whether it is time again to look for newcomers; asking counts as looking."""
        due = time_s - self._searched_s >= SEARCH_EVERY_S - SLACK_S
        if due:
            self._searched_s = time_s
        return due

    def assign_ids(self, time_s: float, faces: Sequence[Face]) -> list[int]:
        """The person of each face; the likeliest pairs are joined first."""
        recent = [n for n, one in enumerate(self._people) if time_s - one.time_s <= MAX_GAP_S]
        pairs = sorted(
            ((_likeness(self._people[n].face.box_px, face.box_px), n, k)
             for n in recent for k, face in enumerate(faces)),
            key=lambda pair: (-pair[0], pair[1], pair[2]),
        )  # fmt: skip
        person: dict[int, int] = {}
        for likeness, n, k in pairs:
            if likeness >= MIN_LIKENESS and k not in person and n not in person.values():
                person[k] = n
        for k, face in enumerate(faces):
            if k not in person:
                person[k] = len(self._people)
                self._people.append(_Seen(face, time_s))
            self._people[person[k]] = _Seen(face, time_s)
        return [person[k] for k in range(len(faces))]


def _likeness(before: Box, now: Box) -> float:
    """Overlap, or for a face that moved fast a little credit for being near and as large."""
    sides = np.array([np.sqrt(np.prod(box[2:] - box[:2])) for box in (before, now)])
    away = float(np.hypot(*((now[:2] + now[2:] - before[:2] - before[2:]) / 2)))
    near = 1 - away / max(float(sides.max()), 1.0)
    same_size = float(sides.min() / max(float(sides.max()), 1.0))
    return max(iou(before, now), near * same_size)
