"""The 68 landmarks of the iBUG annotation, and their selection from the 478-point face mesh."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

# Mesh vertex of each iBUG point. Jaw from the viewer's left ear over the chin to the right ear;
# brows, nose, eyes and lips likewise from the viewer's left (Sagonas et al., "300 faces
# in-the-wild challenge", ICCV Workshops 2013; vertices as in MediaPipe's canonical face).
MESH_JAW = (162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389)
MESH_BROWS = (71, 63, 105, 66, 107, 336, 296, 334, 293, 301)
MESH_NOSE = (168, 197, 5, 4, 75, 97, 2, 326, 305)
MESH_EYES = (33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380)
MESH_OUTER_LIPS = (61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181)
MESH_INNER_LIPS = (78, 82, 13, 312, 308, 317, 14, 87)
IBUG_FROM_MESH = np.array(
    MESH_JAW + MESH_BROWS + MESH_NOSE + MESH_EYES + MESH_OUTER_LIPS + MESH_INNER_LIPS
)

# Index ranges of the 68 points; left and right as seen by the viewer
JAW = slice(0, 17)
BROWS = slice(17, 27)
NOSE = slice(27, 36)
LEFT_EYE = slice(36, 42)
RIGHT_EYE = slice(42, 48)
EYES = slice(36, 48)
MOUTH = slice(48, 68)
OUTER_LIPS = slice(48, 60)
INNER_LIPS = slice(60, 68)
# Single points
NOSE_TIP = 30
MOUTH_CORNERS = (48, 54)
UPPER_INNER_LIP, LOWER_INNER_LIP = 62, 66
# Index sets
LOWER_LIP = np.array([55, 56, 57, 58, 59, 65, 66, 67])
UPPER_LIP = np.array([49, 50, 51, 52, 53, 61, 62, 63])
CHIN = np.array([5, 6, 7, 8, 9, 10, 11])

# Index of each point of a mirrored face in the original one
MIRRORED = np.array([
    *range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1),
    *(45, 44, 43, 42, 47, 46), *(39, 38, 37, 36, 41, 40),
    *range(54, 47, -1), *range(59, 54, -1), *range(64, 59, -1), *range(67, 64, -1),
])  # fmt: skip


def to_ibug68(mesh: NDArray[np.float32]) -> NDArray[np.float32]:
    """Select the 68 points, shape ``(68, axes)``, from a face mesh of shape ``(>=468, axes)``."""
    return mesh[IBUG_FROM_MESH]


def five_points(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return eye centres, nose tip and mouth corners, the viewer's left first, shape ``(5, 2)``.

    Args:
        landmarks: 68 points, shape ``(68, 2)``.
    """
    left_eye, right_eye = landmarks[LEFT_EYE].mean(axis=0), landmarks[RIGHT_EYE].mean(axis=0)
    left_corner, right_corner = MOUTH_CORNERS
    return np.stack(
        [left_eye, right_eye, landmarks[NOSE_TIP], landmarks[left_corner], landmarks[right_corner]]
    )


def mirror_landmarks(landmarks: NDArray[np.float32], width_px: int) -> NDArray[np.float32]:
    """Return the 68 points, in iBUG order, of the same faces in mirrored images.

    Args:
        landmarks: Shape ``(…, 68, 2)``.
        width_px: Width of the images.
    """
    mirrored = landmarks[..., MIRRORED, :].copy()
    mirrored[..., 0] = width_px - 1 - mirrored[..., 0]
    return mirrored


def hull_mask(
    points: NDArray[Any], shape: tuple[int, ...], *, truncate: bool = False
) -> NDArray[np.bool_]:
    """Return a mask that is True inside the convex hull of ``points``, border included.

    Args:
        points: x and y in pixels, shape ``(points, 2)``; may lie outside the mask.
        shape: Height and width of the mask.
        truncate: Round the corners of the hull towards zero, not to the nearest pixel.
    """
    hull = cv2.convexHull(points.astype(np.float32))
    corners = (np.trunc(hull) if truncate else np.rint(hull)).astype(np.int32)
    mask = np.zeros(shape, np.uint8)
    cv2.fillConvexPoly(mask, corners, 1)
    return mask.astype(np.bool_)
