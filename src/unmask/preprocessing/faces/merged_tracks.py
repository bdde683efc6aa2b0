"""Features of a person from those of the person's tracks, one after the other."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from unmask.records import FaceTrack, MouthCrops, PersonFeatures


def shot_of(track: FaceTrack, row: int) -> int:
    """Return the number of the shot of a frame of a track."""
    return 0 if track.shots is None else int(track.shots[row])


def merge_tracks(
    tracks: Sequence[PersonFeatures], people: Sequence[int]
) -> tuple[PersonFeatures, ...]:
    """Return the features of each person, in descending order of screen presence.

    Args:
        people: Number of the person of each track; tracks of one person are apart in time.
    """
    by_person: dict[int, list[PersonFeatures]] = {}
    for track, person in zip(tracks, people, strict=True):
        by_person.setdefault(person, []).append(track)
    merged = [_merge(person, parts) for person, parts in by_person.items()]
    return tuple(sorted(merged, key=by_presence))


def by_presence(person: PersonFeatures) -> tuple[float, int]:
    """Sort key: total box area, descending, then number."""
    sides = person.track.boxes_px[:, 2:] - person.track.boxes_px[:, :2]
    return -float(np.prod(sides, axis=1).sum()), person.track.person


def _merge(person: int, parts: Sequence[PersonFeatures]) -> PersonFeatures:
    first, *others = parts = sorted(parts, key=lambda part: float(part.track.time_s[0]))
    if not others:
        return replace(first, track=replace(first.track, person=person))
    return PersonFeatures(
        _join_tracks(person, [part.track for part in parts]),
        np.concatenate([part.faces for part in parts]),
        _join([part.flow for part in parts]),
        np.concatenate([part.landmarks for part in parts]),
        _join_mouths([part.lips for part in parts if part.lips is not None]),
    )


def _join(parts: Sequence[NDArray[np.int8] | None]) -> NDArray[np.int8] | None:
    known = [part for part in parts if part is not None]
    return np.concatenate(known) if known else None


def _join_tracks(person: int, tracks: Sequence[FaceTrack]) -> FaceTrack:
    shots = [shot_of(track, row) for track in tracks for row in range(len(track.time_s))]
    return FaceTrack(
        person,
        np.concatenate([track.time_s for track in tracks]),
        np.concatenate([track.boxes_px for track in tracks]),
        np.concatenate([track.landmarks_px for track in tracks]),
        np.concatenate([track.pose_deg for track in tracks]),
        np.array(shots, np.int64),
    )


def _join_mouths(parts: Sequence[MouthCrops]) -> MouthCrops | None:
    """Join crops so that a tick is missing between two tracks, as lip-sync expects at a break."""
    if not parts:
        return None
    rate_hz, kept = parts[0].rate_hz, list(parts)
    for number, (before, after) in enumerate(pairwise(parts), start=1):
        if len(before.time_s) and len(after.time_s):
            touches = after.time_s[0] - before.time_s[-1] < 1.5 / rate_hz
            kept[number] = _drop_mouths(after, int(touches))
    return MouthCrops(
        np.concatenate([part.mouths for part in kept]),
        np.concatenate([part.time_s for part in kept]),
        np.concatenate([part.opening for part in kept]),
        rate_hz,
    )


def _drop_mouths(crops: MouthCrops, count: int) -> MouthCrops:
    return replace(
        crops,
        mouths=crops.mouths[count:],
        time_s=crops.time_s[count:],
        opening=crops.opening[count:],
    )
