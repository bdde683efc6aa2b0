"""Regions of an image that may contain a face."""

from dataclasses import dataclass
from typing import Any

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

    def crop_matrix(self, crop_px: int) -> NDArray[np.float64]:
        """Return the matrix from the image to an upright crop of the region, shape ``(2, 3)``."""
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        linear = np.array([[cos, sin], [-sin, cos]]) * (crop_px / self.side)
        return np.column_stack([linear, crop_px / 2 - linear @ self.centre])
