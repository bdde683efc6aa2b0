"""Pointing game: does a heat map point at what was changed in a face?

Zhang et al., "Top-down Neural Attention by Excitation Backprop", ECCV 2016, here with an area in
place of a point: the share of the difference between a fake and its genuine twin that lies in the
hottest part of the face.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unmask.explainability.faithfulness import (
    REGION_SHARE,
    landmark_hull_mask,
    random_maps,
)
from unmask.explainability.heat_map import Heat, enlarge
from unmask.explainability.top_moments import FrameCandidate
from unmask.preprocessing.faces.alignment import warp_crop
from unmask.preprocessing.media.seek import read_frames_at
from unmask.records import FACE_PX

Face = NDArray[np.uint8]
Difference = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pointing:
    """Share of the difference to the genuine twin in a fifth of the face, in ``[0, 1]``.

    Attributes:
        hottest: In the hottest fifth.
        random: In random fifths: the map mirrored and shifted, on average.
        centre: In the fifth around the centre of the face, which takes no detector.
        best: In the fifth with the largest difference; no map can do better.
    """

    hottest: float
    random: float
    centre: float
    best: float


def read_twin_face(twin: Path, frame: FrameCandidate) -> Face | None:
    """Return the genuine twin's face at the time and place of a fake's, shape ``(224, 224, 3)``.

    Returns:
        ``None`` where the twin shows no frame at that time.
    """
    for _, picture in read_frames_at(twin, [frame.time_s]):
        return warp_crop(picture, frame.to_face, FACE_PX)
    return None


def measure_pointing(
    cells: Heat, frame: FrameCandidate, twin_face: Face, rng: np.random.Generator
) -> Pointing | None:
    """Compare a map with the difference of brightness and colour between a fake and its twin.

    Args:
        cells: Heat of each cell, shape ``(rows, columns)``.

    Returns:
        ``None`` where the twin does not differ.
    """
    own = frame.context.faces[frame.index].astype(np.float64)
    face = landmark_hull_mask(frame.landmarks)
    difference = np.abs(own - twin_face).mean(axis=2)[face]
    if not difference.sum():
        return None
    shares = _shares(cells, difference, face, rng)
    return Pointing(*(float(share) for share in shares))


def _shares(
    cells: Heat, difference: Difference, face: NDArray[np.bool_], rng: np.random.Generator
) -> Iterator[float]:
    def share(values: NDArray[np.floating[Any]]) -> float:
        order = np.argsort(-values, kind="stable")
        size = round(REGION_SHARE * len(difference))
        return float(difference[order[:size]].sum() / difference.sum())

    rows, columns = np.nonzero(face)
    yield share(enlarge(cells)[face])
    yield float(np.mean([share(enlarge(moved)[face]) for moved in random_maps(cells, rng)]))
    yield share(-np.hypot(rows - rows.mean(), columns - columns.mean()))
    yield share(difference)
