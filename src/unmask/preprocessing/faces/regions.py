"""Regions of an image that may contain a face."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

REGION_SCALE = 1.5  # side of the region, in sides of the face box

Image = NDArray[np.uint8]  # RGB, shape (height, width, 3)


@dataclass(frozen=True, slots=True)
class RotatedSquare:
    """A rotated square around a face.

    Attributes:
        centre: x and y in pixels, shape ``(2,)``.
        side: In pixels.
        angle: Rotation in radians, clockwise positive.
    """

    centre: NDArray[np.float32]
    side: float
    angle: float

    @classmethod
    def around(cls, low: Any, high: Any, left_eye: Any, right_eye: Any) -> "RotatedSquare":
        """Return the square around a box from ``low`` to ``high``, rotated like the eye line."""
        direction = np.asarray(right_eye) - np.asarray(left_eye)
        low, high = np.asarray(low, np.float32), np.asarray(high, np.float32)
        side = float((high - low).max()) * REGION_SCALE
        return cls((low + high) / 2, side, float(np.arctan2(direction[1], direction[0])))

    def scaled(self, factor: float) -> "RotatedSquare":
        """Return the same region in an image that is ``factor`` times as large."""
        return RotatedSquare(self.centre * factor, self.side * factor, self.angle)

    def shifted(self, offset: NDArray[np.float32]) -> "RotatedSquare":
        """Return the same region in an image of which this one is a crop at ``offset``."""
        return RotatedSquare(self.centre + offset, self.side, self.angle)

    def turned(self, quarters: int) -> "RotatedSquare":
        """Return the region turned on the spot, clockwise by quarters of a circle."""
        return RotatedSquare(self.centre, self.side, self.angle + quarters * np.pi / 2)

    def before_rot90(self, width: float) -> "RotatedSquare":
        """Return the same region in the image, of this width, before one ``np.rot90``."""
        x, y = self.centre
        return RotatedSquare(np.array([width - y, x], np.float32), self.side, self.angle).turned(1)

    def crop(self, image: Image, crop_px: int, border: int) -> Image:
        """Return the region upright, shape ``(crop_px, crop_px, 3)``.

        The corners of the region become those of the crop, as MediaPipe maps them.

        Args:
            border: OpenCV's way to continue the image.
        """
        degrees = float(np.degrees(self.angle))
        corners = cv2.boxPoints((self.centre.tolist(), (self.side, self.side), degrees))
        targets = np.array([(0, 1), (0, 0), (1, 0), (1, 1)], np.float32) * crop_px
        matrix = cv2.getPerspectiveTransform(corners, targets)
        crop = cv2.warpPerspective(
            image, matrix, (crop_px, crop_px), flags=cv2.INTER_LINEAR, borderMode=border
        )
        return crop.astype(np.uint8, copy=False)

    def to_image(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return points of the upright region in pixels of the image.

        Args:
            points: x and y in sides of the region, from its top left corner, shape ``(…, 2)``.
        """
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        rotation = np.array([[cos, sin], [-sin, cos]])
        return ((points - 0.5) @ rotation * self.side + self.centre).astype(np.float32)
