"""What a run of faces may look like without its label changing; all its frames change alike."""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.preprocessing.faces.head_pose import mirror_pose
from unmask.preprocessing.faces.landmarks import mirror_landmarks
from unmask.records import ModelInput

Faces = NDArray[np.uint8]

PARTS = (range(36, 42), range(42, 48), range(36, 48), range(27, 36), range(48, 60))
REACH = 0.25  # around a part that is cut out, as a share of its own extent


def mirror(sample: ModelInput) -> ModelInput:
    """The same sample with its faces, and all that is known of them, turned left to right."""
    flow, points, pose = sample.flow, sample.landmarks, sample.pose_deg
    return replace(
        sample,
        faces=sample.faces[:, :, ::-1],
        flow=None if flow is None else _mirrored_flow(flow),
        landmarks=None if points is None else mirror_landmarks(points, sample.faces.shape[2]),
        pose_deg=None if pose is None else mirror_pose(pose),
    )


def _mirrored_flow(flow: NDArray[np.int8]) -> NDArray[np.int8]:
    turned = flow[..., ::-1].copy()
    # what moved right moves left now; -128 has no int8 opposite, so the range is kept symmetric
    turned[:, 0] = -np.maximum(turned[:, 0], -127)
    return turned


def adjust_brightness_contrast(faces: Faces, gain: float, lift: float) -> Faces:
    """Contrast times ``gain`` around mid-grey, and ``lift`` of full scale brighter."""
    curve = np.clip((np.arange(256) / 255 - 0.5) * gain + 0.5 + lift, 0, 1)
    table = np.round(curve * 255).astype(np.uint8)
    out = np.empty(faces.shape, np.uint8)
    for number, face in enumerate(faces):
        cv2.LUT(face, table, dst=out[number])
    return out


def adjust_colour(faces: Faces, factors: tuple[float, float, float, float]) -> Faces:
    """Factors of red, green and blue, and of how far each pixel is from its own grey."""
    *balance, saturation = factors
    # luma of ITU-R BT.601
    grey = np.tile(np.array([0.299, 0.587, 0.114]) * np.array(balance), (3, 1))
    mix = saturation * np.diag(balance) + (1 - saturation) * grey
    out = np.empty(faces.shape, np.uint8)
    for number, face in enumerate(faces):
        cv2.transform(face, mix, dst=out[number])  # rounds, and stops at black and white
    return out


def downscale_upscale(faces: Faces, scale: float) -> Faces:
    """Bring to ``scale`` of the size, and back: fine detail is lost below 1, softened above."""
    size = faces.shape[2], faces.shape[1]
    other = max(round(size[0] * scale), 1), max(round(size[1] * scale), 1)
    # a mean over area when pictures shrink, so that nothing aliases
    there, back = (
        (cv2.INTER_AREA, cv2.INTER_LINEAR) if scale < 1 else (cv2.INTER_LINEAR, cv2.INTER_AREA)
    )
    out = np.empty(faces.shape, np.uint8)
    for number, face in enumerate(faces):
        out[number] = cv2.resize(
            cv2.resize(face, other, interpolation=there), size, None, 0, 0, back
        )
    return out


def face_cutout(faces: Faces, landmarks: NDArray[np.float32], part: int) -> Faces:
    """Paint one part of the face in the face's mean colour (Das et al., "Face-Cutout", 2021).

    Args:
        landmarks: 68 points in the faces' pixels, shape ``(frames, 68, 2)``.
        part: Which of ``PARTS``; nothing outside the hull of the landmarks changes.
    """
    out = faces.copy()
    for face, points in zip(out, landmarks, strict=True):
        inside = _hull(points, face.shape[:2]) & _hull(
            _widened(points[PARTS[part]]), face.shape[:2]
        )
        if inside.any():
            face[inside] = np.rint(face[_hull(points, face.shape[:2])].mean(axis=0))
    return out


def _widened(points: NDArray[np.float32]) -> NDArray[np.float32]:
    middle, reach = points.mean(axis=0), REACH * np.ptp(points, axis=0).max()
    away = points - middle
    return points + reach * away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-6)


def _hull(points: NDArray[np.float32], size: tuple[int, ...]) -> NDArray[np.bool_]:
    mask = np.zeros(size, np.uint8)
    outline = cv2.convexHull(np.rint(points).astype(np.int32))
    cv2.fillConvexPoly(mask, outline, 1)
    return mask.astype(bool)
