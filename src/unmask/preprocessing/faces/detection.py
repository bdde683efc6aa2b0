"""Faces in one picture: followed from the picture before, or searched for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from threading import Lock
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.config import FaceSettings
from unmask.preprocessing.faces.landmarks import to_ibug68
from unmask.preprocessing.faces.mediapipe_graphs import (
    FullRangeDetector,
    Mesh,
    Picture,
    RegionMesh,
    RotatedSquare,
    WholePictureMesh,
)

SAME_FACE = 0.5  # of the smaller box covered by the other: they hold one face
PARTS = (1, 2)  # squares of the whole, then of half the shorter side
STEADY = 0.75  # overlap below which the mesh looks again, where it now knows the face to be

Box = NDArray[np.float32]  # left, top, right, bottom in pixels, shape (4,)


@dataclass(frozen=True, slots=True)
class Face:
    """One face in one picture.

    Attributes:
        box_px: Around the landmarks: left, top, right, bottom, shape ``(4,)``.
        landmarks_px: 68 points in iBUG order, shape ``(68, 2)``.
    """

    box_px: Box
    landmarks_px: NDArray[np.float32]

    @property
    def area_px(self) -> float:
        """Area of the box."""
        return float(np.prod(self.box_px[2:] - self.box_px[:2]))


class FaceLandmarker(Protocol):
    """Anything that finds faces and their 68 points."""

    def detect(
        self, picture: Picture, known: Sequence[Face] = (), search: bool = True
    ) -> tuple[Face, ...]:
        """Faces in the picture, largest first.

        Args:
            known: Faces of a moment ago, which are looked for where they were.
            search: Whether to look for others too; done in any case if a known one is lost.
        """
        ...


class MediaPipeLandmarker:
    """Full-range detection, then the face mesh; short-range detection where that finds nobody."""

    def __init__(self, settings: FaceSettings) -> None:
        self._settings = settings
        self._lock = Lock()  # a graph takes one picture at a time
        self._detect = FullRangeDetector(settings.min_confidence)
        self._mesh = RegionMesh()
        self._fallback = WholePictureMesh(settings.min_confidence, settings.max_people)

    def detect(
        self, picture: Picture, known: Sequence[Face] = (), search: bool = True
    ) -> tuple[Face, ...]:
        """See :class:`FaceLandmarker`."""
        with self._lock:
            faces = self._meshed(picture, [_region(face) for face in known])
            if search or not faces or len(faces) < len(known):
                thorough = search or len(faces) < len(known)
                fresh = self._searched(picture, thorough and not faces)
                faces = _distinct([*fresh, *faces])  # a search corrects what went astray
        return tuple(sorted(faces, key=lambda face: -face.area_px)[: self._settings.max_people])

    def _searched(self, picture: Picture, thorough: bool) -> list[Face]:
        """Faces by detection; thoroughly, also in squares, where small faces are larger."""
        small, scale = _shrunk(picture, self._settings.max_side_px)
        regions = [region.scaled(1 / scale) for region in self._detect(small)]
        faces = self._meshed(picture, regions)
        faces = faces or [_face(mesh / scale) for mesh in self._fallback(small)]
        for part in PARTS if thorough else ():
            if faces:
                break
            regions = [
                region.shifted(corner).scaled(1 / scale)
                for corner, square in _squares(small, max(min(small.shape[:2]) // part, 1))
                for region in self._detect(square)
            ]
            faces = self._meshed(picture, regions)
        return faces

    def _meshed(self, picture: Picture, regions: Sequence[RotatedSquare]) -> list[Face]:
        found = [self._steadied(picture, region) for region in regions]
        return _distinct([face for face in found if face is not None])

    def _steadied(self, picture: Picture, region: RotatedSquare) -> Face | None:
        """The face in the region, seen from the region that the mesh itself would choose."""
        mesh = self._mesh(picture, region)
        if mesh is None:
            return None
        face = _face(mesh)
        if _shared(region, _region(face)) >= STEADY:
            return face
        again = self._mesh(picture, _region(face))
        return face if again is None else _face(again)


@lru_cache(maxsize=2)
def get_landmarker(settings: FaceSettings) -> FaceLandmarker:
    """The landmarker of this process; its graphs take a moment to build, so they are kept."""
    return MediaPipeLandmarker(settings)


def iou(one: Box, other: Box) -> float:
    """Intersection over union of two boxes, in ``[0, 1]``."""
    shared, first, second = _areas(one, other)
    both = first + second - shared
    return shared / both if both > 0 else 0.0


def _covered(one: Box, other: Box) -> float:
    shared, first, second = _areas(one, other)
    return shared / max(min(first, second), 1e-6)


def _areas(one: Box, other: Box) -> tuple[float, float, float]:
    """What two boxes share, and each one's own area."""
    sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    shared = float(np.prod(np.clip(sides, 0, None)))
    return shared, float(np.prod(one[2:] - one[:2])), float(np.prod(other[2:] - other[:2]))


def _shrunk(picture: Picture, max_side_px: int) -> tuple[Picture, float]:
    scale = min(1.0, max_side_px / max(picture.shape[:2]))
    if scale == 1.0:
        return picture, scale
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return small.astype(np.uint8, copy=False), scale


def _squares(picture: Picture, side: int) -> Iterator[tuple[NDArray[np.float32], Picture]]:
    """Squares that overlap by a third and cover the picture; each one's corner comes first."""
    rows, columns = (_offsets(length, side) for length in picture.shape[:2])
    for top, left in product(rows, columns):
        square = np.ascontiguousarray(picture[top : top + side, left : left + side])
        yield np.array([left, top], np.float32), square


def _offsets(length: int, side: int) -> list[int]:
    steps = -(-3 * (length - side) // (2 * side))
    return [round(step * (length - side) / max(steps, 1)) for step in range(steps + 1)]


def _face(mesh: Mesh) -> Face:
    box = np.concatenate([mesh.min(axis=0), mesh.max(axis=0)])
    return Face(box.astype(np.float32), to_ibug68(mesh).astype(np.float32))


def _region(face: Face) -> RotatedSquare:
    points = face.landmarks_px
    return RotatedSquare.around(face.box_px[:2], face.box_px[2:], points[36], points[45])


def _shared(one: RotatedSquare, other: RotatedSquare) -> float:
    halves = np.array([one.side, other.side]) / 2
    low, high = (np.stack([one.centre, other.centre]) + sign * halves[:, None] for sign in (-1, 1))
    first, second = np.concatenate([low, high], axis=1).astype(np.float32)
    return iou(first, second)


def _distinct(faces: Sequence[Face]) -> list[Face]:
    """Drop a face that an earlier one covers already."""
    kept: list[Face] = []
    for face in faces:
        if all(_covered(face.box_px, other.box_px) < SAME_FACE for other in kept):
            kept.append(face)
    return kept
