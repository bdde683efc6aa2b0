"""Boxes around faces, and how far they overlap."""

import numpy as np
from numpy.typing import NDArray

Box = NDArray[np.float32]  # left, top, right, bottom in pixels, shape (4,)


def iou(first: Box, second: Box) -> float:
    """Return the intersection over union of two boxes, in ``[0, 1]``."""
    shared, first_area, second_area = _areas(first, second)
    union = first_area + second_area - shared
    return shared / union if union > 0 else 0.0


def overlap(first: Box, second: Box) -> float:
    """Return the intersection over the area of the smaller box."""
    shared, first_area, second_area = _areas(first, second)
    return shared / max(min(first_area, second_area), 1e-6)


def _areas(first: Box, second: Box) -> tuple[float, float, float]:
    """Return the areas of the intersection and of both boxes."""
    sides = np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2])
    shared = float(np.prod(np.clip(sides, 0, None)))
    return shared, float(np.prod(first[2:] - first[:2])), float(np.prod(second[2:] - second[:2]))
