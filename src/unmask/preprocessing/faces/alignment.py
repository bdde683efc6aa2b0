"""Alignment of faces to a canonical position, and plain box crops for comparison."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.preprocessing.faces.landmarks import five_points

# Five points of the 112 px ArcFace crop (Deng et al., CVPR 2019), moved towards the centre by
# MARGIN, so that chin, brows and the border of a pasted face stay inside the crop.
ARCFACE_112 = ((38.29, 51.70), (73.53, 51.50), (56.03, 71.74), (41.55, 92.37), (70.73, 92.20))
MARGIN = 1.3
TEMPLATE = (np.array(ARCFACE_112) / 112 - 0.5) / MARGIN + 0.5  # in crop sides
BOX_MARGIN = 1.3  # of the longer side of the box, as in face forgery benchmarks
# Below this scale, linear interpolation alone would skip pixels and flicker
MIN_LINEAR_SCALE = 0.5
EPS = 1e-9

Image = NDArray[np.uint8]
Points = NDArray[np.float32]


def align_face(image: Image, landmarks_px: Points, crop_px: int) -> tuple[Image, Points]:
    """Rotate, scale and shift the face into a square of ``crop_px``, without shear.

    Args:
        image: RGB, shape ``(height, width, 3)``.
        landmarks_px: 68 points in the image, shape ``(68, 2)``.

    Returns:
        The face, shape ``(crop_px, crop_px, 3)``, black outside the image, and the 68 points in
        pixels of the crop.
    """
    return _warp(image, landmarks_px, face_matrix(landmarks_px, crop_px), crop_px)


def crop_box(
    image: Image, box_px: Points, landmarks_px: Points, crop_px: int
) -> tuple[Image, Points]:
    """Scale and shift the square around a face box into ``crop_px``, without rotation.

    The side of the square is ``BOX_MARGIN`` times the longer side of the box; both have the same
    centre (as in Rössler et al., "FaceForensics++", ICCV 2019).

    Args:
        image: RGB, shape ``(height, width, 3)``.
        box_px: Left, top, right, bottom, shape ``(4,)``.
        landmarks_px: 68 points in the image, shape ``(68, 2)``.

    Returns:
        See :func:`align_face`.
    """
    return _warp(image, landmarks_px, box_matrix(box_px, crop_px), crop_px)


def face_matrix(landmarks_px: Points, crop_px: int) -> NDArray[np.float64]:
    """Return the matrix of :func:`align_face`, from image to crop, shape ``(2, 3)``."""
    return estimate_similarity(five_points(landmarks_px), TEMPLATE * crop_px)


def box_matrix(box_px: Points, crop_px: int) -> NDArray[np.float64]:
    """Return the matrix of :func:`crop_box`, from image to crop, shape ``(2, 3)``."""
    box = box_px.astype(np.float64)
    side = max(float((box[2:] - box[:2]).max()) * BOX_MARGIN, 1.0)
    scale = crop_px / side
    shift = crop_px / 2 - (box[:2] + box[2:]) / 2 * scale
    return np.column_stack([np.eye(2) * scale, shift])


def estimate_similarity(source: NDArray[Any], target: NDArray[Any]) -> NDArray[np.float64]:
    """Estimate the rotation, scale and shift from ``source`` to ``target``, shape ``(2, 3)``.

    Least squares in closed form (Umeyama, PAMI 1991), with points of the plane as complex
    numbers: target ≈ factor · source + shift.

    Args:
        source, target: Corresponding points, shape ``(points, 2)``.
    """
    start, end = source @ np.array([1, 1j]), target @ np.array([1, 1j])
    start_mean, end_mean = start.mean(), end.mean()
    variance = np.vdot(start - start_mean, start - start_mean).real
    factor = np.vdot(start - start_mean, end - end_mean) / max(variance, EPS)
    shift = end_mean - factor * start_mean
    return np.array(
        [[factor.real, -factor.imag, shift.real], [factor.imag, factor.real, shift.imag]]
    )


def warp_crop(image: Image, matrix: NDArray[np.float64], crop_px: int) -> Image:
    """Warp the image into a square of ``crop_px``; pixels outside the image are black.

    Args:
        image: RGB or greyscale, shape ``(height, width, 3)`` or ``(height, width)``.
        matrix: Similarity from image pixels to crop pixels, see :func:`estimate_similarity`.
    """
    source, matrix = _downscale(image, matrix, crop_px)
    crop = cv2.warpAffine(source, matrix, (crop_px, crop_px), flags=cv2.INTER_LINEAR)
    return crop.astype(np.uint8, copy=False)


def _warp(
    image: Image, landmarks_px: Points, matrix: NDArray[np.float64], crop_px: int
) -> tuple[Image, Points]:
    """Warp the image and its landmarks into the crop."""
    points = landmarks_px @ matrix[:, :2].T + matrix[:, 2]
    return warp_crop(image, matrix, crop_px), points.astype(np.float32)


def _downscale(
    image: Image, matrix: NDArray[np.float64], crop_px: int
) -> tuple[Image, NDArray[np.float64]]:
    """Average a large face to about its final size; return it with the matrix from there."""
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if scale >= MIN_LINEAR_SCALE or scale < 1e-6:
        return image, matrix
    height, width = image.shape[:2]
    corners = np.array([(0, 0, 1), (crop_px, 0, 1), (0, crop_px, 1), (crop_px, crop_px, 1)])
    region = corners @ cv2.invertAffineTransform(matrix).T
    left, top = np.clip(np.floor(region.min(axis=0)) - 2, 0, [width - 1, height - 1]).astype(int)
    right, bottom = np.clip(np.ceil(region.max(axis=0)) + 2, 1, [width, height]).astype(int)
    patch = image[top : max(bottom, top + 1), left : max(right, left + 1)]
    size = np.maximum(np.round(np.array(patch.shape[1::-1]) * scale), 1)
    small = cv2.resize(patch, size.astype(int).tolist(), interpolation=cv2.INTER_AREA)
    step = np.array(patch.shape[1::-1]) / size  # image px per px of `small`, x then y
    origin = np.array([left, top]) + step / 2 - 0.5  # pixel centres are half a pixel inside
    from_small = np.column_stack([matrix[:, :2] * step, matrix[:, :2] @ origin + matrix[:, 2]])
    return small.astype(np.uint8, copy=False), from_small
