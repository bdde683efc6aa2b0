"""Mask generator of self-blended images: soft masks of many shapes around the landmarks.

Shiohara & Yamasaki, "Detecting Deepfakes with Self-Blended Images", CVPR 2022
(arXiv 2204.08376): the convex hull of displaced landmarks (Li et al., "Face X-ray", CVPR 2020) is
deformed elastically (Simard et al., ICDAR 2003) and smoothed twice. What the first smoothing
reaches is cut off, so that a kernel larger than the second one shrinks the mask, and a smaller one
widens it. Sizes are those of the authors' released training settings where named below.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.preprocessing.faces.landmarks import BROWS, JAW, hull_mask

CANVAS_PX = (192, 257)  # sides of the picture in which a mask is drawn; the authors'
KERNELS_PX = (5, 26, 2)  # sides of both smoothing kernels, odd; the authors'
LOWER_KERNELS_PX = (5, 12, 2)  # of the lower face, which larger ones would shrink off the jaw; ours
SECOND_SIGMA_PX = (5, 46)  # the authors'
RATIOS = (0.25, 0.5, 0.75, 1.0, 1.0, 1.0)  # weights of the source; the paper's
ELASTIC_PX = 50.0  # displacement of a pixel before it is smoothed, either way; the authors'
ELASTIC_SIGMA_PX = 7.0  # of that smoothing; the authors'
DISPLACEMENT = 0.015  # standard deviation, as a share of the face's width; ours
FOREHEAD = (0.3, 0.7)  # by which brows are raised, as a share of brow to nose tip; ours
LOW_MARGIN, HIGH_MARGIN = np.array([0.35, 0.6]), np.array([0.35, 0.3])  # of the canvas

FACE, FOREHEAD_TOO, FEATURES, LOWER_FACE = "face", "forehead", "features", "lower-face"
OUTLINES = (FACE, FOREHEAD_TOO, FEATURES)  # of which one is drawn
NOSE_TIP, NOSE_BASE, UPPER_LIP_TOP = 30, 33, 51
CHIN_AND_JAW = slice(3, 14)
EPS = 1e-4

Points = NDArray[np.float64]
Weights = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class MaskShape:
    """Shape of a mask, drawn once per clip.

    Attributes:
        outline: Landmarks whose hull it starts from: all (``face``), all with raised brows
            (``forehead``), all without the jaw (``features``), or mouth and chin with the edge
            along the jaw (``lower-face``).
        raised: By how much brows are raised, as a share of the distance to the nose's tip.
        displacement: Of each landmark, as shares of the face's width, shape ``(68, 2)``.
        elastic_px: Displacement of each pixel of the canvas, shape ``(height, width, 2)``.
        kernels_px: Sides of the first and of the second smoothing kernel.
        sigma_px: Of the second kernel.
        ratio: Largest weight of the mask, in ``(0, 1]``.
    """

    outline: str
    raised: float
    displacement: Points
    elastic_px: Weights
    kernels_px: tuple[int, int]
    sigma_px: float
    ratio: float


def sample_mask_shape(rng: np.random.Generator, outline: str | None = None) -> MaskShape:
    """Draw the shape of a mask.

    Args:
        outline: ``None`` draws one of ``OUTLINES``. A mask of the lower face always replaces the
            mouth in full, as lip-sync generators do.
    """
    chosen = str(rng.choice(OUTLINES)) if outline is None else outline
    height, width = rng.integers(*CANVAS_PX, 2)
    noise = rng.uniform(-1, 1, (2, height, width)).astype(np.float32)
    smooth = [cv2.GaussianBlur(layer, (0, 0), ELASTIC_SIGMA_PX) for layer in noise]
    kernels_px = np.arange(*(LOWER_KERNELS_PX if chosen == LOWER_FACE else KERNELS_PX))
    first, second = rng.choice(kernels_px, 2)
    ratio = float(rng.choice(RATIOS))
    return MaskShape(
        outline=chosen,
        raised=float(rng.uniform(*FOREHEAD)),
        displacement=rng.normal(0, DISPLACEMENT, (68, 2)),
        elastic_px=ELASTIC_PX * np.stack(smooth, axis=-1),
        kernels_px=(int(first), int(second)),
        sigma_px=float(rng.integers(*SECOND_SIGMA_PX)),
        ratio=1.0 if chosen == LOWER_FACE else ratio,
    )


def draw_mask(
    points: Points, size: tuple[int, ...], shape: MaskShape, moved: Points | None = None
) -> Weights:
    """Draw a mask for one frame.

    Args:
        points: 68 landmarks in pixels, shape ``(68, 2)``.
        size: Height and width of the frame.
        moved: Matrix that moves the source and with it the mask, shape ``(2, 3)``.

    Returns:
        Weight of the source, in ``[0, shape.ratio]``, shape ``size``.
    """
    low, high = points.min(axis=0), points.max(axis=0)
    extent = high - low
    low, high = low - LOW_MARGIN * extent, high + HIGH_MARGIN * extent
    height, width = shape.elastic_px.shape[:2]
    scale = np.array([width, height]) / (high - low)
    outline = _outline(points, shape)
    if moved is not None:
        outline = outline @ moved[:, :2].T + moved[:, 2]
    canvas = hull_mask((outline - low) * scale, (height, width)).astype(np.float32)
    canvas = _smooth(_deform(canvas, shape.elastic_px), shape)
    to_frame = np.column_stack([np.diag(1 / scale), low])
    drawn = cv2.warpAffine(canvas, to_frame, (size[1], size[0]), flags=cv2.INTER_LINEAR)
    return (drawn * np.float32(shape.ratio)).astype(np.float32)


def _outline(points: Points, shape: MaskShape) -> Points:
    displaced = points + shape.displacement * np.ptp(points[JAW, 0])
    if shape.outline == LOWER_FACE:
        lip_top = (displaced[NOSE_BASE] + displaced[UPPER_LIP_TOP]) / 2
        return np.vstack([points[CHIN_AND_JAW], lip_top])  # the seam is at the jaw itself
    if shape.outline == FEATURES:
        return displaced[JAW.stop :]
    if shape.outline == FOREHEAD_TOO:
        up = points[BROWS].mean(axis=0) - points[NOSE_TIP]
        displaced[BROWS] += shape.raised * up
    return displaced


def _deform(mask: Weights, elastic_px: Weights) -> Weights:
    height, width = mask.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return np.asarray(
        cv2.remap(mask, x + elastic_px[..., 0], y + elastic_px[..., 1], cv2.INTER_LINEAR),
        np.float32,
    )


def _smooth(mask: Weights, shape: MaskShape) -> Weights:
    """Smooth the mask, keep what is inside by half a kernel, and smooth that."""
    first, second = shape.kernels_px
    blurred = cv2.GaussianBlur(mask, (first, first), 0)
    inside = (blurred >= (1 - EPS) * blurred.max()).astype(np.float32)
    soft = cv2.GaussianBlur(inside, (second, second), shape.sigma_px)
    return np.asarray(soft / max(float(soft.max()), EPS), np.float32)
