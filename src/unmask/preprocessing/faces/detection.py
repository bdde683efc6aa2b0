"""Face detection and landmarks in single frames, from scratch or near faces seen before."""

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
    Image,
    Mesh,
    RegionMesh,
    RotatedSquare,
    WholeImageMesh,
)

SAME_FACE_OVERLAP = 0.5  # two boxes contain one face if they share this much of the smaller box
TILE_DIVISORS = (1, 2)  # tiles as large as the shorter side of the image, then half of it
STABLE_IOU = 0.75  # below, the mesh runs again in the region that its own result implies
LEFT_EYE_CORNER, RIGHT_EYE_CORNER = 36, 45

Box = NDArray[np.float32]  # left, top, right, bottom in pixels, shape (4,)


@dataclass(frozen=True, slots=True)
class Face:
    """One face in one image.

    Attributes:
        box_px: Bounding box of the mesh: left, top, right, bottom, shape ``(4,)``.
        landmarks_px: 68 points in iBUG order, shape ``(68, 2)``.
    """

    box_px: Box
    landmarks_px: NDArray[np.float32]

    @property
    def area_px(self) -> float:
        """Area of the box in square pixels."""
        return float(np.prod(self.box_px[2:] - self.box_px[:2]))


class FaceLandmarker(Protocol):
    """Interface of face detectors with 68 landmarks."""

    def detect(
        self, image: Image, recent: Sequence[Face] = (), search: bool = True
    ) -> tuple[Face, ...]:
        """Return the faces in the image, largest first.

        Args:
            image: RGB, shape ``(height, width, 3)``.
            recent: Faces of the preceding frames, which are searched near their last position.
            search: Whether to search the whole image; done anyway if a recent face is lost.
        """
        ...


class MediaPipeLandmarker:
    """Full-range detection and the face mesh, with short-range detection as fallback."""

    def __init__(self, settings: FaceSettings) -> None:
        self._settings = settings
        self._lock = Lock()  # graphs are not thread-safe
        self._detect = FullRangeDetector(settings.min_confidence)
        self._mesh = RegionMesh()
        self._fallback = WholeImageMesh(settings.min_confidence, settings.max_people)

    def detect(
        self, image: Image, recent: Sequence[Face] = (), search: bool = True
    ) -> tuple[Face, ...]:
        """See :class:`FaceLandmarker`."""
        with self._lock:
            faces = self._fit_meshes(image, [_region(face) for face in recent])
            if search or not faces or len(faces) < len(recent):
                thorough = search or len(faces) < len(recent)
                detected = self._search(image, thorough and not faces)
                faces = _remove_duplicates([*detected, *faces])  # detections correct drift
        return tuple(sorted(faces, key=lambda face: -face.area_px)[: self._settings.max_people])

    def _search(self, image: Image, thorough: bool) -> list[Face]:
        """Detect faces in the whole image; if ``thorough``, also in tiles, for small faces."""
        small, scale = _shrink(image, self._settings.max_side_px)
        regions = [region.scaled(1 / scale) for region in self._detect(small)]
        faces = self._fit_meshes(image, regions)
        faces = faces or [_to_face(mesh / scale) for mesh in self._fallback(small)]
        for divisor in TILE_DIVISORS if thorough else ():
            if faces:
                break
            regions = [
                region.shifted(corner).scaled(1 / scale)
                for corner, tile in _tiles(small, max(min(small.shape[:2]) // divisor, 1))
                for region in self._detect(tile)
            ]
            faces = self._fit_meshes(image, regions)
        return faces

    def _fit_meshes(self, image: Image, regions: Sequence[RotatedSquare]) -> list[Face]:
        faces = [self._fit_mesh(image, region) for region in regions]
        return _remove_duplicates([face for face in faces if face is not None])

    def _fit_mesh(self, image: Image, region: RotatedSquare) -> Face | None:
        """Fit the mesh; repeat it if the region of its result differs from the given one."""
        mesh = self._mesh(image, region)
        if mesh is None:
            return None
        face = _to_face(mesh)
        if _region_iou(region, _region(face)) >= STABLE_IOU:
            return face
        refined = self._mesh(image, _region(face))
        return face if refined is None else _to_face(refined)


@lru_cache(maxsize=2)
def get_landmarker(settings: FaceSettings) -> FaceLandmarker:
    """Return the landmarker of this process; its graphs are slow to build, so it is cached."""
    return MediaPipeLandmarker(settings)


def iou(first: Box, second: Box) -> float:
    """Return the intersection over union of two boxes, in ``[0, 1]``."""
    shared, first_area, second_area = _areas(first, second)
    union = first_area + second_area - shared
    return shared / union if union > 0 else 0.0


def _overlap(first: Box, second: Box) -> float:
    """Return the intersection over the area of the smaller box."""
    shared, first_area, second_area = _areas(first, second)
    return shared / max(min(first_area, second_area), 1e-6)


def _areas(first: Box, second: Box) -> tuple[float, float, float]:
    """Return the areas of the intersection and of both boxes."""
    sides = np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2])
    shared = float(np.prod(np.clip(sides, 0, None)))
    return shared, float(np.prod(first[2:] - first[:2])), float(np.prod(second[2:] - second[:2]))


def _shrink(image: Image, max_side_px: int) -> tuple[Image, float]:
    """Return the image with sides of at most ``max_side_px``, and the scale."""
    scale = min(1.0, max_side_px / max(image.shape[:2]))
    if scale == 1.0:
        return image, scale
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return small.astype(np.uint8, copy=False), scale


def _tiles(image: Image, side: int) -> Iterator[tuple[NDArray[np.float32], Image]]:
    """Yield corner and pixels of square tiles that overlap by a third and cover the image."""
    rows, columns = (_offsets(length, side) for length in image.shape[:2])
    for top, left in product(rows, columns):
        tile = np.ascontiguousarray(image[top : top + side, left : left + side])
        yield np.array([left, top], np.float32), tile


def _offsets(length: int, side: int) -> list[int]:
    steps = -(-3 * (length - side) // (2 * side))
    return [round(step * (length - side) / max(steps, 1)) for step in range(steps + 1)]


def _to_face(mesh: Mesh) -> Face:
    box = np.concatenate([mesh.min(axis=0), mesh.max(axis=0)])
    return Face(box.astype(np.float32), to_ibug68(mesh).astype(np.float32))


def _region(face: Face) -> RotatedSquare:
    left, right = face.landmarks_px[LEFT_EYE_CORNER], face.landmarks_px[RIGHT_EYE_CORNER]
    return RotatedSquare.around(face.box_px[:2], face.box_px[2:], left, right)


def _region_iou(first: RotatedSquare, second: RotatedSquare) -> float:
    """Return the intersection over union of two squares, rotation ignored."""
    halves = np.array([first.side, second.side]) / 2
    centres = np.stack([first.centre, second.centre])
    low, high = (centres + sign * halves[:, None] for sign in (-1, 1))
    boxes = np.concatenate([low, high], axis=1).astype(np.float32)
    return iou(boxes[0], boxes[1])


def _remove_duplicates(faces: Sequence[Face]) -> list[Face]:
    """Drop each face that overlaps with an earlier one."""
    kept: list[Face] = []
    for face in faces:
        if all(_overlap(face.box_px, other.box_px) < SAME_FACE_OVERLAP for other in kept):
            kept.append(face)
    return kept
