"""Image warp that moves given points to given positions.

Radial basis functions as in Bookstein, "Principal Warps", TPAMI 1989, with the kernel ``r`` in
place of ``r² log r``. The displacement is solved on a coarse grid and interpolated, because faces
deform smoothly.
"""

from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

GRID_PX = 6
MARGIN = 0.2  # around the points, as a share of their extent

Points = NDArray[np.float64]
Pixel = TypeVar("Pixel", np.uint8, np.float32)


def warp(image: NDArray[Pixel], source: Points, target: Points) -> NDArray[Pixel]:
    """Move the points ``source`` of an image to ``target``; the size stays the same.

    Args:
        image: Shape ``(height, width)`` or ``(height, width, channels)``.
        source, target: x and y in pixels, shape ``(points, 2)``.
    """
    return _warp_box(image, source, target, (0, 0, image.shape[1], image.shape[0]))


def warp_region(
    image: NDArray[np.uint8], source: Points, target: Points, size: tuple[int, ...]
) -> NDArray[np.uint8]:
    """Warp as :func:`warp` does, but only around ``target``.

    Args:
        image: RGB, shape ``(height, width, 3)``.
        source, target: x and y in pixels, shape ``(points, 2)``.
        size: Height and width of the result.

    Returns:
        Shape ``(*size, 3)``. Outside the region it is ``image`` if that has the same size, and
        black otherwise.
    """
    low, high = target.min(axis=0), target.max(axis=0)
    margin = MARGIN * (high - low)
    x0, y0 = np.maximum(low - margin, 0).astype(int)
    x1, y1 = np.minimum(high + margin, (size[1], size[0])).astype(int)
    warped = image.copy() if image.shape[:2] == size else np.zeros((*size, 3), np.uint8)
    if x1 - x0 > GRID_PX and y1 - y0 > GRID_PX:
        warped[y0:y1, x0:x1] = _warp_box(image, source, target, (x0, y0, x1, y1))
    return warped


def _warp_box(
    image: NDArray[Pixel], source: Points, target: Points, box: tuple[int, int, int, int]
) -> NDArray[Pixel]:
    """Return the part of the warped image inside ``box`` (left, top, right, bottom)."""
    x0, y0, x1, y1 = box
    x = np.linspace(x0, x1 - 1, (x1 - x0) // GRID_PX + 1)
    y = np.linspace(y0, y1 - 1, (y1 - y0) // GRID_PX + 1)
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    origin = (grid + _displacement(target, source - target, grid)).reshape(len(y), len(x), 2)
    # the grid ends on the first and last pixel of the box: interpolation, no extrapolation
    columns = np.linspace(0, len(x) - 1, x1 - x0, dtype=np.float32)
    rows = np.linspace(0, len(y) - 1, y1 - y0, dtype=np.float32)
    map_x, map_y = np.meshgrid(columns, rows)
    dense = cv2.remap(origin.astype(np.float32), map_x, map_y, cv2.INTER_LINEAR)
    return np.asarray(
        cv2.remap(
            image,
            dense[..., 0],
            dense[..., 1],
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT_101,
        ),
        image.dtype,
    )


def _displacement(centres: Points, shift: Points, points: Points) -> Points:
    """Evaluate, at ``points``, the smooth field that is close to ``shift`` at ``centres``."""
    count = len(centres)
    affine = np.hstack([np.ones((count, 1)), centres])
    system = np.zeros((count + 3, count + 3))
    # the kernel is negative definite; subtracting from its diagonal tolerates coincident points
    system[:count, :count] = _distance(centres, centres) - 0.5 * np.eye(count)
    system[:count, count:], system[count:, :count] = affine, affine.T
    weights = np.linalg.solve(system, np.vstack([shift, np.zeros((3, 2))]))
    radial = _distance(points, centres) @ weights[:count]
    return np.asarray(radial + weights[count] + points @ weights[count + 1 :])


def _distance(left: Points, right: Points) -> Points:
    squared = (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1) - 2 * left @ right.T
    return np.asarray(np.sqrt(np.maximum(squared, 0)))
