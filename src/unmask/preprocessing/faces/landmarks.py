"""The 68 points everybody annotates (iBUG order), taken from the 478-point face mesh."""

import numpy as np
from numpy.typing import NDArray

# Mesh vertex of each iBUG point. Jaw from the viewer's left ear over the chin to the right ear;
# brows, nose, eyes and lips likewise from the viewer's left (Sagonas et al., "300 faces
# in-the-wild challenge", ICCV Workshops 2013; vertices as in MediaPipe's canonical face).
JAW = (162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389)
BROWS = (71, 63, 105, 66, 107, 336, 296, 334, 293, 301)
NOSE = (168, 197, 5, 4, 75, 97, 2, 326, 305)
EYES = (33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380)
OUTER_LIPS = (61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181)
INNER_LIPS = (78, 82, 13, 312, 308, 317, 14, 87)
IBUG_FROM_MESH = np.array(JAW + BROWS + NOSE + EYES + OUTER_LIPS + INNER_LIPS)

# where each point of a mirrored face stood before: jaw, brows, nose, eyes, lips from the other end
MIRRORED = np.array([
    *range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1),
    *(45, 44, 43, 42, 47, 46), *(39, 38, 37, 36, 41, 40),
    *range(54, 47, -1), *range(59, 54, -1), *range(64, 59, -1), *range(67, 64, -1),
])  # fmt: skip


def to_ibug68(mesh: NDArray[np.float32]) -> NDArray[np.float32]:
    """The 68 points, shape ``(68, axes)``, of a face mesh of shape ``(>=468, axes)``."""
    return mesh[IBUG_FROM_MESH]


def five_points(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Eye centres, nose tip and mouth corners, the viewer's left first, shape ``(5, 2)``.

    Args:
        landmarks: 68 points, shape ``(68, 2)``.
    """
    left_eye, right_eye = landmarks[36:42].mean(axis=0), landmarks[42:48].mean(axis=0)
    return np.stack([left_eye, right_eye, landmarks[30], landmarks[48], landmarks[54]])


def mirror_landmarks(landmarks: NDArray[np.float32], width_px: int) -> NDArray[np.float32]:
    """The 68 points, in iBUG order, of the same faces in pictures that were mirrored.

    Args:
        landmarks: Shape ``(…, 68, 2)``.
        width_px: Of the pictures.
    """
    turned = landmarks[..., MIRRORED, :].copy()
    turned[..., 0] = width_px - 1 - turned[..., 0]
    return turned
