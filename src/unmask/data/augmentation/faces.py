"""Image transforms of face crops that keep the label; all frames are transformed alike."""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.preprocessing.faces.head_pose import mirror_pose
from unmask.preprocessing.faces.landmarks import hull_mask, mirror_landmarks
from unmask.records import ModelInput

Faces = NDArray[np.uint8]

# landmarks of each part that can be cut out: left eye, right eye, both eyes, nose, mouth
PARTS = (range(36, 42), range(42, 48), range(36, 48), range(27, 36), range(48, 60))
MARGIN = 0.25  # around a part, as a share of its extent
EPS = 1e-6


def mirror(sample: ModelInput) -> ModelInput:
    """Flip faces, flow, landmarks and head pose horizontally."""
    flow, landmarks, pose_deg = sample.flow, sample.landmarks, sample.pose_deg
    return replace(
        sample,
        faces=sample.faces[:, :, ::-1],
        flow=None if flow is None else _mirror_flow(flow),
        landmarks=None if landmarks is None else mirror_landmarks(landmarks, sample.faces.shape[2]),
        pose_deg=None if pose_deg is None else mirror_pose(pose_deg),
    )


def _mirror_flow(flow: NDArray[np.int8]) -> NDArray[np.int8]:
    flipped = flow[..., ::-1].copy()
    # negate the horizontal component; -(-128) does not fit into int8
    flipped[:, 0] = -np.maximum(flipped[:, 0], -127)
    return flipped


def adjust_brightness_contrast(faces: Faces, gain: float, lift: float) -> Faces:
    """Multiply the contrast around mid-grey by ``gain`` and add ``lift`` of full scale."""
    curve = np.clip((np.arange(256) / 255 - 0.5) * gain + 0.5 + lift, 0, 1)
    table = np.round(curve * 255).astype(np.uint8)
    adjusted = np.empty(faces.shape, np.uint8)
    for index, face in enumerate(faces):
        cv2.LUT(face, table, dst=adjusted[index])
    return adjusted


def adjust_colour(faces: Faces, factors: tuple[float, float, float, float]) -> Faces:
    """Multiply red, green, blue and the saturation by ``factors``."""
    *balance, saturation = factors
    # luma weights of ITU-R BT.601
    grey = np.tile(np.array([0.299, 0.587, 0.114]) * np.array(balance), (3, 1))
    matrix = saturation * np.diag(balance) + (1 - saturation) * grey
    adjusted = np.empty(faces.shape, np.uint8)
    for index, face in enumerate(faces):
        cv2.transform(face, matrix, dst=adjusted[index])  # rounds and saturates
    return adjusted


def downscale_upscale(faces: Faces, scale: float) -> Faces:
    """Resize by ``scale`` and back: detail is lost for ``scale < 1`` and softened above."""
    size = faces.shape[2], faces.shape[1]
    scaled_size = max(round(size[0] * scale), 1), max(round(size[1] * scale), 1)
    # area averaging avoids aliasing when the image becomes smaller
    first, second = (
        (cv2.INTER_AREA, cv2.INTER_LINEAR) if scale < 1 else (cv2.INTER_LINEAR, cv2.INTER_AREA)
    )
    resized = np.empty(faces.shape, np.uint8)
    for index, face in enumerate(faces):
        scaled = cv2.resize(face, scaled_size, interpolation=first)
        resized[index] = cv2.resize(scaled, size, interpolation=second)
    return resized


def face_cutout(faces: Faces, landmarks: NDArray[np.float32], part: int) -> Faces:
    """Paint one part of the face in the face's mean colour (Das et al., "Face-Cutout", 2021).

    Nothing outside the convex hull of the landmarks changes.

    Args:
        landmarks: 68 points in pixels of the crops, shape ``(frames, 68, 2)``.
        part: Index into ``PARTS``.
    """
    out = faces.copy()
    for face, points in zip(out, landmarks, strict=True):
        whole = hull_mask(np.rint(points), face.shape[:2])
        inside = whole & hull_mask(np.rint(_enlarge(points[PARTS[part]])), face.shape[:2])
        if inside.any():
            face[inside] = np.rint(face[whole].mean(axis=0))
    return out


def _enlarge(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Move each point away from the centre by ``MARGIN`` of the extent."""
    offset = points - points.mean(axis=0)
    margin = MARGIN * np.ptp(points, axis=0).max()
    return points + margin * offset / np.maximum(np.linalg.norm(offset, axis=1, keepdims=True), EPS)
