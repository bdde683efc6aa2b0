"""Identity: the same number for all tracks of one person, across shots and long absences.

A track ends at a cut, and where the face is missing for long. The face with which the next one
starts is compared with the faces of the people who are not in the picture. The decision depends
on earlier frames alone, so that it is the same in a video that is read window by window.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np

from unmask.preprocessing.faces.face_embedding import (
    FaceEmbedder,
    Image,
    Vector,
    align_for_embedding,
)
from unmask.preprocessing.faces.merged_tracks import shot_of
from unmask.preprocessing.faces.tracking import MAX_GAP_S
from unmask.records import PersonFeatures

# Least cosine of two embeddings of one person; error rates are in docs/architecture.md
SAME_PERSON = 0.4
VIEWS = 3  # faces of a track that later ones are compared with
VIEW_EVERY_S = 1.0

_Row = tuple[float, int, int]  # time, number of the track in the window, row in the track


@dataclass(slots=True)
class _View:
    """A face of a person, embedded when it is first compared."""

    image: Image
    vector: Vector | None = None

    def embed(self, embedder: FaceEmbedder) -> Vector:
        if self.vector is None:
            self.vector = embedder(self.image)
        return self.vector


@dataclass(slots=True)
class _Person:
    views: list[_View] = field(default_factory=list)
    track: int = -1  # the latest
    shot: int = -1
    seen_s: float = 0.0
    viewed_s: float = 0.0  # when the latest view was taken
    left: int = 0  # views that are still to be taken of the track

    def is_absent(self, time_s: float, shot: int) -> bool:
        return self.shot != shot or time_s - self.seen_s > MAX_GAP_S


class IdentityMatcher:
    """Numbers the people of a video, from 0, in order of appearance.

    Args:
        embedder: Without one, every track is a person.

    Attributes:
        compared: False once a track could have been compared but there was no embedder.
    """

    def __init__(self, embedder: FaceEmbedder | None) -> None:
        self._embedder = embedder
        self._people: list[_Person] = []
        self._person_by_track: dict[int, int] = {}
        self.compared = True

    def number_tracks(self, tracks: Sequence[PersonFeatures]) -> list[int]:
        """Return the person of each track of the next window.

        Args:
            tracks: ``track.person`` is the number of the track, the same in all windows.
        """
        rows = sorted(
            (float(time_s), number, row)
            for number, features in enumerate(tracks)
            for row, time_s in enumerate(features.track.time_s)
        )
        for _, together in groupby(rows, key=lambda row: row[0]):
            self._add_frame(list(together), tracks)
        return [self._person_by_track[features.track.person] for features in tracks]

    def _add_frame(self, rows: Sequence[_Row], tracks: Sequence[PersonFeatures]) -> None:
        new = [row for row in rows if tracks[row[1]].track.person not in self._person_by_track]
        for row in rows:
            if row not in new:
                self._see(row, tracks, None)
        if new:
            views = [_view(row, tracks) for row in new]
            for row, view, person in zip(new, views, self._match(new, views, tracks), strict=True):
                if person == len(self._people):
                    self._people.append(_Person())
                self._person_by_track[tracks[row[1]].track.person] = person
                self._see(row, tracks, view)

    def _see(self, row: _Row, tracks: Sequence[PersonFeatures], view: _View | None) -> None:
        """Note that a person was seen; with a view, at the start of a track."""
        time_s, number, _ = row
        track = tracks[number].track
        person = self._people[self._person_by_track[track.person]]
        if view is not None:
            person.left = VIEWS
        elif person.left and time_s - person.viewed_s >= VIEW_EVERY_S:
            view = _view(row, tracks)
        if view is not None:
            person.views.append(view)
            person.viewed_s, person.left = time_s, person.left - 1
        person.track, person.shot, person.seen_s = track.person, shot_of(track, row[2]), time_s

    def _match(
        self, rows: Sequence[_Row], views: Sequence[_View], tracks: Sequence[PersonFeatures]
    ) -> list[int]:
        """Return the person of each new track, greedily by descending similarity."""
        shot = shot_of(tracks[rows[0][1]].track, rows[0][2])
        absent = [n for n, person in enumerate(self._people) if person.is_absent(rows[0][0], shot)]
        matched: dict[int, int] = {}
        if absent and self._embedder is None:
            self.compared = False
        elif absent:
            pairs = [
                (-self._similarity(view, person), k, person)
                for k, view in enumerate(views)
                for person in absent
            ]
            for negative, k, person in sorted(pairs):
                if -negative >= SAME_PERSON and k not in matched and person not in matched.values():
                    matched[k] = person
        unknown = iter(range(len(self._people), len(self._people) + len(rows)))
        return [matched[k] if k in matched else next(unknown) for k in range(len(rows))]

    def _similarity(self, view: _View, person: int) -> float:
        """Return the highest cosine of a view to those of a person."""
        assert self._embedder is not None
        own = view.embed(self._embedder)
        others = [other.embed(self._embedder) for other in self._people[person].views]
        return float(np.max(np.stack(others) @ own))


def _view(row: _Row, tracks: Sequence[PersonFeatures]) -> _View:
    _, number, index = row
    features = tracks[number]
    return _View(align_for_embedding(features.faces[index], features.landmarks[index]))
