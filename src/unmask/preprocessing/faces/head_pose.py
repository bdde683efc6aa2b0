"""Head pose from the 68 landmarks, by perspective-n-point."""

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

# iBUG point → its position on MediaPipe's canonical face (Apache-2.0), in centimetres: x to the
# viewer's right, y up, z towards the viewer. Only points that speech and blinks do not move.
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
# OpenCV's camera looks along +z with y down; the canonical face looks at the camera with y up
MODEL_CM = np.array(list(RIGID_CM.values())) * (1, -1, -1)


def estimate_head_pose(
    landmarks_px: NDArray[np.float32], width: int, height: int
) -> NDArray[np.float32]:
    """Estimate yaw, pitch and roll in degrees, shape ``(3,)``; all 0 for a frontal face.

    Yaw is positive when the face turns to the right of the image, pitch when it looks up, and
    roll when the head tilts clockwise as seen by the viewer. The rotations are intrinsic, in the
    order yaw, pitch, roll. The focal length is assumed to be the longer side of the image.

    Args:
        landmarks_px: 68 points in the image, shape ``(68, 2)``.
        width, height: Size of the image in pixels.

    Returns:
        The angles; zeros if no pose fits the points.
    """
    focal = float(max(width, height))
    camera = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
    points_px = landmarks_px[POINTS].astype(np.float64)
    solved, rotation, _ = cv2.solvePnP(MODEL_CM, points_px, camera, None, flags=cv2.SOLVEPNP_SQPNP)
    if not solved:
        return np.zeros(3, np.float32)
    matrix = cv2.Rodrigues(rotation)[0]
    forward = -matrix[:, 2]  # direction of the nose
    yaw = np.arctan2(forward[0], -forward[2])
    pitch = np.arcsin(np.clip(-forward[1], -1, 1))
    roll = np.arctan2(matrix[1, 0], matrix[1, 1])
    return np.degrees([yaw, pitch, roll]).astype(np.float32)


def rotate_pose(
    pose_deg: NDArray[np.float32], turns_rad: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Return the pose of heads in images that were rotated, shape ``(frames, 3)``.

    Args:
        pose_deg: Yaw, pitch and roll in the images, as of :func:`estimate_head_pose`, shape
            ``(frames, 3)``.
        turns_rad: Clockwise rotation of each image, shape ``(frames,)``.
    """
    if not turns_rad.any():
        return pose_deg
    signs = np.array([-1, -1, 1])  # of rotations about y, x and z, with y down and z forward
    heads = Rotation.from_euler("YXZ", pose_deg * signs, degrees=True)
    rotated = Rotation.from_euler("z", turns_rad[:, None]) * heads
    return (rotated.as_euler("YXZ", degrees=True) * signs).astype(np.float32)


def mirror_pose(pose_deg: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return yaw, pitch and roll, shape ``(…, 3)``, of the same heads in mirrored images."""
    return pose_deg * np.array([-1, 1, -1], np.float32)
