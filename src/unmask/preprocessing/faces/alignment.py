"""A face brought to its canonical place: eyes, nose and mouth always at the same pixels.

Or, to measure what that is worth, merely cut out: the square around its box.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.preprocessing.faces.landmarks import five_points

# Five points of the 112 px ArcFace crop (Deng et al., CVPR 2019), drawn towards the centre by
# MARGIN, so that chin, brows and the border of a pasted face stay in the picture.
ARCFACE_112 = ((38.29, 51.70), (73.53, 51.50), (56.03, 71.74), (41.55, 92.37), (70.73, 92.20))
MARGIN = 1.3
TEMPLATE = (np.array(ARCFACE_112) / 112 - 0.5) / MARGIN + 0.5  # in sides of the crop
BOX_MARGIN = 1.3  # of the box's longer side, as face forgery benchmarks crop it
COARSE = 0.5  # below this scale, interpolation alone would skip pixels and flicker

Picture = NDArray[np.uint8]
Points = NDArray[np.float32]


def align_face(picture: Picture, landmarks_px: Points, crop_px: int) -> tuple[Picture, Points]:
    """Turn, scale and shift the face into a square of ``crop_px``; never shear or stretch it.

    Args:
        picture: RGB, shape ``(height, width, 3)``.
        landmarks_px: 68 points in the picture, shape ``(68, 2)``.

    Returns:
        The face, shape ``(crop_px, crop_px, 3)``, black beyond the picture's border, and the
        68 points in its pixels.
    """
    matrix = estimate_similarity(five_points(landmarks_px), TEMPLATE * crop_px)
    return _moved(picture, landmarks_px, matrix, crop_px)


def crop_box(
    picture: Picture, box_px: Points, landmarks_px: Points, crop_px: int
) -> tuple[Picture, Points]:
    """Scale and shift the square around a face's box into ``crop_px``, however it is turned.

    The square is ``BOX_MARGIN`` times the longer side of the box, about the box's centre
    (Rössler et al., "FaceForensics++", ICCV 2019, crop so).

    Args:
        picture: RGB, shape ``(height, width, 3)``.
        box_px: Left, top, right, bottom, shape ``(4,)``.
        landmarks_px: 68 points in the picture, shape ``(68, 2)``.

    Returns:
        As of :func:`align`.
    """
    box = box_px.astype(np.float64)
    side = max(float((box[2:] - box[:2]).max()) * BOX_MARGIN, 1.0)
    scale = crop_px / side
    shift = crop_px / 2 - (box[:2] + box[2:]) / 2 * scale
    matrix = np.column_stack([np.eye(2) * scale, shift])
    return _moved(picture, landmarks_px, matrix, crop_px)


def estimate_similarity(source: NDArray[Any], target: NDArray[Any]) -> NDArray[np.float64]:
    """Rotation, scale and shift that bring ``source`` nearest to ``target``, shape ``(2, 3)``.

    Least squares in closed form (Umeyama, PAMI 1991), in the plane as complex numbers:
    target ≈ turn · source + shift.
    """
    start, end = source @ np.array([1, 1j]), target @ np.array([1, 1j])
    middle, goal = start.mean(), end.mean()
    spread = np.vdot(start - middle, start - middle).real
    turn = np.vdot(start - middle, end - goal) / max(spread, 1e-9)
    shift = goal - turn * middle
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def warp_crop(picture: Picture, matrix: NDArray[np.float64], crop_px: int) -> Picture:
    """What ``matrix`` brings into a square of ``crop_px``, black beyond the picture's border.

    Args:
        picture: RGB or grey, shape ``(height, width, 3)`` or ``(height, width)``.
        matrix: From the picture's pixels to the crop's, as of :func:`similarity`.
    """
    source, matrix = _prepared(picture, matrix, crop_px)
    crop = cv2.warpAffine(source, matrix, (crop_px, crop_px), flags=cv2.INTER_LINEAR)
    return crop.astype(np.uint8, copy=False)


def _moved(
    picture: Picture, landmarks_px: Points, matrix: NDArray[np.float64], crop_px: int
) -> tuple[Picture, Points]:
    """Picture and points as the matrix puts them into the crop."""
    points = landmarks_px @ matrix[:, :2].T + matrix[:, 2]
    return warp_crop(picture, matrix, crop_px), points.astype(np.float32)


def _prepared(
    picture: Picture, matrix: NDArray[np.float64], crop_px: int
) -> tuple[Picture, NDArray[np.float64]]:
    """A large face averaged down to about its final size first, and the matrix from there."""
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if scale >= COARSE or scale < 1e-6:
        return picture, matrix
    height, width = picture.shape[:2]
    corners = np.array([(0, 0, 1), (crop_px, 0, 1), (0, crop_px, 1), (crop_px, crop_px, 1)])
    seen = corners @ cv2.invertAffineTransform(matrix).T
    left, top = np.clip(np.floor(seen.min(axis=0)) - 2, 0, [width - 1, height - 1]).astype(int)
    right, bottom = np.clip(np.ceil(seen.max(axis=0)) + 2, 1, [width, height]).astype(int)
    patch = picture[top : max(bottom, top + 1), left : max(right, left + 1)]
    size = np.maximum(np.round(np.array(patch.shape[1::-1]) * scale), 1)
    small = cv2.resize(patch, size.astype(int).tolist(), interpolation=cv2.INTER_AREA)
    step = np.array(patch.shape[1::-1]) / size  # picture px per small px, x then y
    back = np.array([left, top]) + step / 2 - 0.5  # pixel centres lie half a pixel in
    onward = np.column_stack([matrix[:, :2] * step, matrix[:, :2] @ back + matrix[:, 2]])
    return small.astype(np.uint8, copy=False), onward
