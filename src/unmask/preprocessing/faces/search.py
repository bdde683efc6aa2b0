"""Where faces may be in an image: detection in stages of rising cost."""

import math
from collections.abc import Iterator
from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.config import FaceSettings
from unmask.preprocessing.faces.alignment import warp_crop
from unmask.preprocessing.faces.blazeface import FULL_RANGE, SHORT_RANGE, FaceDetector
from unmask.preprocessing.faces.regions import Image, RotatedSquare

TILE_SIDES = 2 / 3  # of the shorter side of the image
UPRIGHT_CROP_PX = 256
UPRIGHT_CROP_SIDES = 1.5  # in sides of the region

Regions = list[RotatedSquare]


class FaceSearch:
    """Full-range and short-range detection, in the whole image, turned images and tiles."""

    def __init__(self, settings: FaceSettings) -> None:
        self._max_side_px = settings.max_side_px
        self._full_range = FaceDetector(FULL_RANGE, settings.min_confidence)
        self._short_range = FaceDetector(SHORT_RANGE, settings.min_confidence)

    def iter_stages(self, image: Image, thorough: bool) -> Iterator[Regions]:
        """Yield regions that may contain a face, for the caller to stop when some do.

        The first stages search the upright image. If ``thorough``, the next ones search it in
        tiles, for small faces, and turned, for faces that lie on the side or are upside down.

        Args:
            image: RGB, shape ``(height, width, 3)``.
        """
        small, scale = _shrink(image, self._max_side_px)
        for regions in self._iter_small(small, thorough):
            yield [region.scaled(1 / scale) for region in regions]

    def detect_upright(self, image: Image, region: RotatedSquare) -> RotatedSquare | None:
        """Detect the face in the region again, in a crop that is turned by the region's angle."""
        scale = UPRIGHT_CROP_PX / (region.side * UPRIGHT_CROP_SIDES)
        degrees = np.degrees(region.angle)
        matrix = cv2.getRotationMatrix2D(region.centre.tolist(), degrees, scale)
        matrix[:, 2] += UPRIGHT_CROP_PX / 2 - region.centre
        detected = self._short_range(warp_crop(image, matrix, UPRIGHT_CROP_PX))
        if not detected:
            return None
        middle = np.full(2, UPRIGHT_CROP_PX / 2, np.float32)
        nearest = min(detected, key=lambda square: float(np.hypot(*(square.centre - middle))))
        inverse = cv2.invertAffineTransform(matrix)
        centre = inverse[:, :2] @ nearest.centre + inverse[:, 2]
        return RotatedSquare(
            centre.astype(np.float32), nearest.side / scale, nearest.angle + region.angle
        )

    def _iter_small(self, image: Image, thorough: bool) -> Iterator[Regions]:
        yield self._full_range(image)
        if not thorough:
            return
        yield self._short_range(image)
        yield list(self._detect_in_tiles(image))
        for quarters in (2, 1, 3):
            yield self._detect_turned(image, quarters)

    def _detect_in_tiles(self, image: Image) -> Iterator[RotatedSquare]:
        for corner, tile in _tiles(image, math.ceil(min(image.shape[:2]) * TILE_SIDES)):
            for region in self._full_range(tile):
                yield region.shifted(corner)

    def _detect_turned(self, image: Image, quarters: int) -> Regions:
        """Detect faces in the image turned counterclockwise; return regions in the image."""
        regions = self._full_range(np.ascontiguousarray(np.rot90(image, quarters)))
        for done in range(quarters, 0, -1):
            width = image.shape[1 if done % 2 else 0]  # of the image before this quarter
            regions = [region.before_rot90(width) for region in regions]
        return regions


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
