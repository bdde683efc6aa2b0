"""Detection of faces and their landmarks in single frames, or near faces seen before."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from threading import Lock
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from unmask.config import FaceSettings
from unmask.preprocessing.faces.boxes import Box, iou, overlap
from unmask.preprocessing.faces.face_mesh import FaceMesh, Mesh
from unmask.preprocessing.faces.landmarks import to_ibug68
from unmask.preprocessing.faces.regions import Image, RotatedSquare
from unmask.preprocessing.faces.search import FaceSearch

SAME_FACE_OVERLAP = 0.5  # two boxes contain one face if they share this much of the smaller box
SAME_REGION_IOU = 0.4  # a detection this near to a tracked face is that face
MAX_TILT = np.pi / 3  # between a detection and the tracked face that it belongs to
MAX_UPRIGHT_TILT = np.pi / 4  # the detectors are reliable up to here
MIN_PRESENCE = 0.9  # score of the mesh of a new face
LEFT_EYE_CORNER, RIGHT_EYE_CORNER = 36, 45
UPRIGHT = RotatedSquare(np.zeros(2, np.float32), 1.0, 0.0)


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


@dataclass(frozen=True, slots=True)
class _Precision:
    """How near the region that a mesh implies must be to the region that it was fitted in.

    Otherwise the mesh is fitted again in the implied region, ``max_fits`` times in all.
    """

    min_iou: float
    max_tilt: float
    max_fits: int


TRACKED_FACE = _Precision(min_iou=0.75, max_tilt=np.pi, max_fits=2)
NEW_FACE = _Precision(min_iou=0.9, max_tilt=np.pi / 12, max_fits=6)


@dataclass(frozen=True, slots=True)
class _Fit:
    """A fitted mesh, its score, and whether it would be fitted in the same region again."""

    face: Face
    presence: float
    is_stable: bool


class MeshLandmarker:
    """Face detection, and the face mesh in each detection."""

    def __init__(self, settings: FaceSettings) -> None:
        self._max_people = settings.max_people
        self._lock = Lock()  # graphs are not thread-safe
        self._search = FaceSearch(settings)
        self._mesh = FaceMesh()

    def detect(
        self, image: Image, recent: Sequence[Face] = (), search: bool = True
    ) -> tuple[Face, ...]:
        """See :class:`FaceLandmarker`."""
        with self._lock:
            fits = [self._fit_mesh(image, _region(face), TRACKED_FACE) for face in recent]
            faces = _remove_duplicates([fit.face for fit in fits if fit is not None])
            lost = len(faces) < len(recent)
            if search or lost or not faces:
                new = self._find_new(image, faces, search or lost)
                faces = _remove_duplicates([*new, *faces])  # detections correct drift
        return tuple(sorted(faces, key=lambda face: -face.area_px)[: self._max_people])

    def _find_new(self, image: Image, known: Sequence[Face], thorough: bool) -> list[Face]:
        """Search the image; with known faces, only in its whole and for further ones."""
        known_regions = [_region(face) for face in known]
        for regions in self._search.iter_stages(image, thorough):
            unknown = [
                region
                for region in regions
                if not any(_is_same(region, known_region) for known_region in known_regions)
            ]
            faces = [self._fit_new(image, region) for region in unknown]
            new = _remove_duplicates([face for face in faces if face is not None])
            if new or known:
                return new
        return []

    def _fit_new(self, image: Image, region: RotatedSquare) -> Face | None:
        """Fit the mesh to a new detection; return ``None`` if the result is not plausible.

        A detection states the roll of a face only within about 45 degrees, and the mesh looks
        like a face in any position. So it is fitted upright, on either side and upside down, and
        its score decides. Then the face is detected again in a crop turned by its roll. A face
        that is tilted by more than 45 degrees must be found there.
        """
        turned = [region.turned(quarters) for quarters in range(4)]
        scores = [0.0 if fit is None else fit[1] for fit in map(partial(self._mesh, image), turned)]
        if max(scores) < MIN_PRESENCE:
            return None
        best = turned[int(np.argmax(scores))]
        again = self._search.detect_upright(image, best)
        if again is None and _tilt(best, UPRIGHT) > MAX_UPRIGHT_TILT:
            return None
        fit = self._fit_mesh(image, again or best, NEW_FACE)
        return fit.face if fit and fit.is_stable and fit.presence >= MIN_PRESENCE else None

    def _fit_mesh(self, image: Image, region: RotatedSquare, precision: _Precision) -> _Fit | None:
        """Fit the mesh again and again, until its region is the one that it was given."""
        result = None
        for _ in range(precision.max_fits):
            mesh = self._mesh(image, region)
            if mesh is None:
                return None
            face = _to_face(mesh[0])
            implied = _region(face)
            is_stable = _region_iou(region, implied) >= precision.min_iou
            is_stable = is_stable and _tilt(region, implied) <= precision.max_tilt
            result = _Fit(face, mesh[1], is_stable)
            if is_stable:
                break
            region = implied
        return result


@lru_cache(maxsize=2)
def get_landmarker(settings: FaceSettings) -> FaceLandmarker:
    """Return the landmarker of this process; its graphs are slow to build, so it is cached."""
    return MeshLandmarker(settings)


def _to_face(mesh: Mesh) -> Face:
    box = np.concatenate([mesh.min(axis=0), mesh.max(axis=0)])
    return Face(box.astype(np.float32), to_ibug68(mesh).astype(np.float32))


def _region(face: Face) -> RotatedSquare:
    left, right = face.landmarks_px[LEFT_EYE_CORNER], face.landmarks_px[RIGHT_EYE_CORNER]
    return RotatedSquare.around(face.box_px[:2], face.box_px[2:], left, right)


def _is_same(first: RotatedSquare, second: RotatedSquare) -> bool:
    return _region_iou(first, second) >= SAME_REGION_IOU and _tilt(first, second) <= MAX_TILT


def _tilt(first: RotatedSquare, second: RotatedSquare) -> float:
    """Return the angle between two regions, from 0 to pi."""
    return float(abs((first.angle - second.angle + np.pi) % (2 * np.pi) - np.pi))


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
        if all(overlap(face.box_px, other.box_px) < SAME_FACE_OVERLAP for other in kept):
            kept.append(face)
    return kept
