"""A mouth re-driven by other speech: lip desync on any footage whose landmarks are known."""

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.data.forgeries.faces import Frame, Points, blend
from unmask.data.image_warp import warp_region

UPPER_INNER, LOWER_INNER = 62, 66
LOWER_LIP = np.array([55, 56, 57, 58, 59, 65, 66, 67])
CHIN = np.array([5, 6, 7, 8, 9, 10, 11])
CARRIERS = np.array([*range(0, 17), *range(31, 36), *range(48, 68)])
MOUTH = slice(48, 68)


def mouth_opening(points: Points) -> NDArray[np.float64]:
    """How far the inner lips are apart, as a share of the eyes' distance, shape ``(frames,)``.

    Args:
        points: Shape ``(frames, 68, 2)``.
    """
    gaps = points[:, LOWER_INNER] - points[:, UPPER_INNER]
    eyes = points[:, 36:42].mean(axis=1) - points[:, 42:48].mean(axis=1)
    return np.asarray(np.linalg.norm(gaps, axis=1) / np.linalg.norm(eyes, axis=1))


def redrive_mouth(frame: Frame, points: Points, gap: float) -> Frame:
    """Bend the lower face until the lips are ``gap`` apart (a share of the eyes' distance).

    The mouth is painted dark where it opens further than it was. Nothing above the nose's tip
    changes.
    """
    eyes_px = float(np.linalg.norm(points[36:42].mean(axis=0) - points[42:48].mean(axis=0)))
    more_px = (gap - float(mouth_opening(points[None])[0])) * eyes_px
    there = points.copy()
    down = points[8] - points[27]
    down = down / np.linalg.norm(down)
    there[LOWER_LIP] += more_px * down
    there[CHIN] += 0.7 * more_px * down
    bent = warp_region(frame, points[CARRIERS], there[CARRIERS], frame.shape[:2])
    if more_px > 1:
        bent = _paint_open_mouth(bent, there)
    return blend(frame, bent.astype(np.float64), _lower_face(frame.shape[:2], points, there))


def _paint_open_mouth(frame: Frame, points: Points) -> Frame:
    inner = np.zeros(frame.shape[:2], np.float32)
    cv2.fillPoly(inner, [points[60:68].astype(np.int32)], 1.0)
    weight = cv2.GaussianBlur(inner, (0, 0), 1.2)[..., None] * 0.85
    dark = frame[inner > 0].mean(axis=0) * (0.35, 0.22, 0.22) if inner.any() else np.zeros(3)
    return (frame * (1 - weight) + dark * weight).astype(np.uint8)


def _lower_face(size: tuple[int, ...], points: Points, there: Points) -> NDArray[np.float32]:
    mask = np.zeros(size, np.float32)
    outline = np.vstack([points[2:15], there[2:15], points[30:31]]).astype(np.float32)
    cv2.fillConvexPoly(mask, cv2.convexHull(outline).astype(np.int32), 1.0)
    soft = cv2.GaussianBlur(mask, (0, 0), 0.02 * float(np.ptp(points[:17, 0])))
    return np.where(soft > 0.01, soft, 0).astype(np.float32)
