"""Lip desync: re-drives the mouth of footage with known landmarks by other speech."""

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.data.forgeries.faces import Frame, Points, blend
from unmask.data.image_warp import warp_region
from unmask.preprocessing.faces.landmarks import (
    CHIN,
    INNER_LIPS,
    JAW,
    LEFT_EYE,
    LOWER_INNER_LIP,
    LOWER_LIP,
    RIGHT_EYE,
    UPPER_INNER_LIP,
    hull_mask,
)

WARP_POINTS = np.array([*range(0, 17), *range(31, 36), *range(48, 68)])
CHIN_SHARE = 0.7  # of the lower lip's movement


def mouth_opening(points: Points) -> NDArray[np.float64]:
    """Return the distance of the inner lips as a share of the distance of the eyes.

    Args:
        points: 68 landmarks, shape ``(frames, 68, 2)``.

    Returns:
        Shape ``(frames,)``.
    """
    gaps = points[:, LOWER_INNER_LIP] - points[:, UPPER_INNER_LIP]
    eyes = points[:, LEFT_EYE].mean(axis=1) - points[:, RIGHT_EYE].mean(axis=1)
    return np.asarray(np.linalg.norm(gaps, axis=1) / np.linalg.norm(eyes, axis=1))


def redrive_mouth(frame: Frame, points: Points, opening: float) -> Frame:
    """Warp the lower face until the mouth has the given opening.

    A mouth that is opened further than before is painted dark inside. Nothing above the tip of
    the nose changes.

    Args:
        frame: RGB, shape ``(height, width, 3)``.
        points: 68 landmarks in pixels, shape ``(68, 2)``.
        opening: As :func:`mouth_opening` measures it.
    """
    eyes_px = float(np.linalg.norm(points[LEFT_EYE].mean(axis=0) - points[RIGHT_EYE].mean(axis=0)))
    drop_px = (opening - float(mouth_opening(points[None])[0])) * eyes_px
    target = points.copy()
    down = points[8] - points[27]
    down = down / np.linalg.norm(down)
    target[LOWER_LIP] += drop_px * down
    target[CHIN] += CHIN_SHARE * drop_px * down
    warped = warp_region(frame, points[WARP_POINTS], target[WARP_POINTS], frame.shape[:2])
    if drop_px > 1:
        warped = _paint_open_mouth(warped, target)
    mask = _lower_face_mask(frame.shape[:2], points, target)
    return blend(frame, warped.astype(np.float64), mask)


def _paint_open_mouth(frame: Frame, points: Points) -> Frame:
    inner = np.zeros(frame.shape[:2], np.float32)
    cv2.fillPoly(inner, [points[INNER_LIPS].astype(np.int32)], 1.0)
    weight = cv2.GaussianBlur(inner, (0, 0), 1.2)[..., None] * 0.85
    dark = frame[inner > 0].mean(axis=0) * (0.35, 0.22, 0.22) if inner.any() else np.zeros(3)
    return (frame * (1 - weight) + dark * weight).astype(np.uint8)


def _lower_face_mask(size: tuple[int, ...], points: Points, target: Points) -> NDArray[np.float32]:
    """Return a soft mask that contains the lower face before and after the warp."""
    outline = np.vstack([points[2:15], target[2:15], points[30:31]])
    mask = hull_mask(outline, size, truncate=True).astype(np.float32)
    soft = cv2.GaussianBlur(mask, (0, 0), 0.02 * float(np.ptp(points[JAW, 0])))
    return np.where(soft > 0.01, soft, 0).astype(np.float32)
