"""Bend a picture so that some of its points come to lie elsewhere.

Radial basis functions after Bookstein, "Principal Warps", TPAMI 1989, with the kernel ``r``;
solved on a coarse grid and interpolated, since faces bend smoothly.
"""

from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

GRID_PX = 6
MARGIN = 0.2  # around the points, as a share of their extent

Points = NDArray[np.float64]
Pixel = TypeVar("Pixel", np.uint8, np.float32)


def warp(picture: NDArray[Pixel], here: Points, there: Points) -> NDArray[Pixel]:
    """Move the points ``here`` of ``picture`` to ``there``; the size stays.

    Args:
        picture: Shape ``(height, width)`` or ``(height, width, channels)``.
        here, there: x and y in pixels, shape ``(points, 2)``.
    """
    return _warped(picture, here, there, (0, 0, picture.shape[1], picture.shape[0]))


def warp_region(
    picture: NDArray[np.uint8], here: Points, there: Points, size: tuple[int, ...]
) -> NDArray[np.uint8]:
    """As :func:`warp`, but only around ``there``, into a picture of ``size`` (height, width).

    Outside, the answer is ``picture`` if it has that size, else black.
    """
    low, high = there.min(axis=0), there.max(axis=0)
    margin = MARGIN * (high - low)
    x0, y0 = np.maximum(low - margin, 0).astype(int)
    x1, y1 = np.minimum(high + margin, (size[1], size[0])).astype(int)
    same = picture.shape[:2] == size
    out = picture.copy() if same else np.zeros((*size, 3), np.uint8)
    if x1 - x0 > GRID_PX and y1 - y0 > GRID_PX:
        out[y0:y1, x0:x1] = _warped(picture, here, there, (x0, y0, x1, y1))
    return out


def _warped(
    picture: NDArray[Pixel], here: Points, there: Points, region: tuple[int, int, int, int]
) -> NDArray[Pixel]:
    x0, y0, x1, y1 = region
    x = np.linspace(x0, x1 - 1, (x1 - x0) // GRID_PX + 1)
    y = np.linspace(y0, y1 - 1, (y1 - y0) // GRID_PX + 1)
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    source = (grid + _bend(there, here - there, grid)).reshape(len(y), len(x), 2)
    # the grid's ends lie on the region's first and last pixel, so that it is interpolated only
    columns = np.linspace(0, len(x) - 1, x1 - x0, dtype=np.float32)
    rows = np.linspace(0, len(y) - 1, y1 - y0, dtype=np.float32)
    across, down = np.meshgrid(columns, rows)
    dense = cv2.remap(source.astype(np.float32), across, down, cv2.INTER_LINEAR)
    return np.asarray(
        cv2.remap(
            picture,
            dense[..., 0],
            dense[..., 1],
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT_101,
        ),
        picture.dtype,
    )


def _bend(centres: Points, shift: Points, at: Points) -> Points:
    """The smooth field that is (nearly) ``shift`` at ``centres``, at the points ``at``."""
    count = len(centres)
    affine = np.hstack([np.ones((count, 1)), centres])
    system = np.zeros((count + 3, count + 3))
    # the kernel is negative definite; a little off its diagonal forgives points that coincide
    system[:count, :count] = _distance(centres, centres) - 0.5 * np.eye(count)
    system[:count, count:], system[count:, :count] = affine, affine.T
    weights = np.linalg.solve(system, np.vstack([shift, np.zeros((3, 2))]))
    bent = _distance(at, centres) @ weights[:count]
    return np.asarray(bent + weights[count] + at @ weights[count + 1 :])


def _distance(left: Points, right: Points) -> Points:
    gap = (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1) - 2 * left @ right.T
    return np.asarray(np.sqrt(np.maximum(gap, 0)))
