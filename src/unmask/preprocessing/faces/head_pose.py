"""Which way a head is turned, from its 68 points."""

import cv2
import numpy as np
from numpy.typing import NDArray

# iBUG point → its place on MediaPipe's canonical face (Apache-2.0), in centimetres: x to the
# viewer's right, y up, z to the viewer. Only points that speech and blinks do not move.
RIGID_CM = {
    0: (-7.555811, 4.106811, -0.991917),
    1: (-7.664182, 0.673132, -2.435867),
    15: (7.664182, 0.673132, -2.435867),
    16: (7.555811, 4.106811, -0.991917),
    27: (0.0, 3.271027, 5.236015),
    28: (0.0, 1.728369, 6.316750),
    29: (0.0, 0.365669, 7.242870),
    30: (0.0, -0.463170, 7.586580),
    31: (-1.043625, -1.464973, 5.662455),
    33: (0.0, -2.089024, 6.058267),
    35: (1.043625, -1.464973, 5.662455),
    36: (-4.445859, 2.663991, 3.173422),
    39: (-1.856432, 2.585245, 3.757904),
    42: (1.856432, 2.585245, 3.757904),
    45: (4.445859, 2.663991, 3.173422),
}
POINTS = list(RIGID_CM)
# OpenCV's camera looks along +z with y down; the model looks at the camera with y up
MODEL_CM = np.array(list(RIGID_CM.values())) * (1, -1, -1)


def estimate_head_pose(
    landmarks_px: NDArray[np.float32], width: int, height: int
) -> NDArray[np.float32]:
    """Yaw, pitch and roll in degrees, shape ``(3,)``; all 0 for a face straight on.

    Yaw is positive when the face turns to the picture's right, pitch when it looks up, and
    roll when the head tilts clockwise as seen. The head turns by yaw, then by pitch, then by
    roll, each about its own axes. The focal length is taken as the longer side of the picture.

    Args:
        landmarks_px: 68 points in the picture, shape ``(68, 2)``.
        width, height: Of the picture, in pixels.
    """
    focal = float(max(width, height))
    camera = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
    seen = landmarks_px[POINTS].astype(np.float64)
    found, turn, _ = cv2.solvePnP(MODEL_CM, seen, camera, None, flags=cv2.SOLVEPNP_SQPNP)
    if not found:
        return np.zeros(3, np.float32)
    matrix = cv2.Rodrigues(turn)[0]
    forward = -matrix[:, 2]  # where the nose points
    yaw = np.arctan2(forward[0], -forward[2])
    pitch = np.arcsin(np.clip(-forward[1], -1, 1))
    roll = np.arctan2(matrix[1, 0], matrix[1, 1])
    return np.degrees([yaw, pitch, roll]).astype(np.float32)


def mirror_pose(pose_deg: NDArray[np.float32]) -> NDArray[np.float32]:
    """Yaw, pitch and roll, shape ``(…, 3)``, of the same heads in mirrored pictures."""
    return pose_deg * np.array([-1, 1, -1], np.float32)
