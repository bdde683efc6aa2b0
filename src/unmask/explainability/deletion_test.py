"""Deletion test: does the score drop when the region highlighted by a heat map is removed?

Petsiuk, Das & Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models", BMVC
2018, at one size of region, compared with regions of the same size and shape elsewhere in the face.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from unmask.explainability.gradcam import FrameScorer
from unmask.preprocessing.faces.landmarks import hull_mask
from unmask.records import FACE_PX

DELETED_FRACTION = 0.2  # of the face
RANDOM_REGIONS = 5  # each needs another run of the frame model
BLUR_PX = FACE_PX / 16  # keeps a region's brightness and removes anything finer than an eye
FEATHER_PX = 3.0  # a hard edge would itself look like a trace of forgery
MARGIN_PX = 12  # beyond the landmarks, where the edge of a pasted face lies
EYE_TO_BROW = 2.0  # the forehead, which has no landmarks, extends this far above the brows

Heat = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class DeletionResult:
    """Drop of a score, in log-odds; positive where the score is lower without the part.

    Attributes:
        drop: Without the highlighted part.
        random_drop: Mean over random parts of the same size.
    """

    drop: float
    random_drop: float


def run_deletion_test(
    scorer: FrameScorer, heat: Heat, landmarks: NDArray[np.float32]
) -> DeletionResult | None:
    """Blur the hottest ``DELETED_FRACTION`` of the face, and random regions of the same size.

    Args:
        heat: In ``[0, 1]``, shape ``(224, 224)``.
        landmarks: 68 points in pixels of the aligned face, shape ``(68, 2)``.

    Returns:
        ``None`` where no part of the face is hot.
    """
    face = landmark_hull_mask(landmarks)
    region = top_region(heat, face)
    if not region.any():
        return None
    rng = np.random.default_rng(0)
    others = [random_region(heat, face, int(region.sum()), rng) for _ in range(RANDOM_REGIONS)]
    empty = np.zeros_like(region)  # in the same batch, so that rounding is the same for all
    scores = _scores(scorer, [empty, region, *others])
    drops = scores[0] - scores[1:]
    return DeletionResult(drop=float(drops[0]), random_drop=float(drops[1:].mean()))


def landmark_hull_mask(landmarks: NDArray[np.float32]) -> Mask:
    """Return the hull of the landmarks and the forehead, dilated, shape ``(224, 224)``."""
    eyes, brows = landmarks[36:48].mean(axis=0), landmarks[17:27]
    forehead = brows + EYE_TO_BROW * (brows.mean(axis=0) - eyes)
    mask = hull_mask(np.concatenate([landmarks, forehead]), (FACE_PX, FACE_PX)).astype(np.uint8)
    side = 2 * MARGIN_PX + 1
    return cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))) > 0


def top_region(heat: Heat, face: Mask) -> Mask:
    """Return the hottest ``DELETED_FRACTION`` of the face, or less if less of it is hot."""
    size = min(round(DELETED_FRACTION * int(face.sum())), int((heat[face] > 0).sum()))
    return _top_pixels(heat.astype(np.float64), face, size)


def random_region(heat: Heat, face: Mask, size: int, rng: np.random.Generator) -> Mask:
    """Return ``size`` pixels of the face: the heat map randomly mirrored and shifted."""
    moved = np.roll(heat, rng.integers(0, FACE_PX, 2), axis=(0, 1)).astype(np.float64)
    for axis in (0, 1):
        moved = np.flip(moved, axis) if rng.random() < 0.5 else moved
    # if too few hot pixels fall onto the face, smooth noise decides which pixels are added
    noise = cv2.GaussianBlur(rng.random((FACE_PX, FACE_PX)), (0, 0), BLUR_PX)
    return _top_pixels(moved + 1e-6 * noise, face, size)


def _top_pixels(values: NDArray[np.float64], face: Mask, size: int) -> Mask:
    order = np.argsort(-np.where(face, values, -np.inf), axis=None, kind="stable")
    region = np.zeros(face.size, np.bool_)
    region[order[:size]] = True
    return region.reshape(face.shape)


def _scores(scorer: FrameScorer, regions: list[Mask]) -> NDArray[np.float64]:
    """Return the log-odds with each region blurred, in the image and in the flow."""
    weights = torch.from_numpy(np.stack([_feather(region) for region in regions]))[:, None]
    with torch.inference_mode():
        planes = [scorer.pixels] if scorer.flow is None else [scorer.pixels, scorer.flow]
        pixels, *flow = (_blur(plane, weights.to(plane.device)) for plane in planes)
        return scorer(pixels, flow[0] if flow else None).double().cpu().numpy()


def _feather(region: Mask) -> Heat:
    return cv2.GaussianBlur(region.astype(np.float32), (0, 0), FEATHER_PX)


def _blur(planes: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Blend in a blurred copy: ``(1, C, 224, 224)`` and ``(N, 1, 224, 224)`` to ``(N, C, …)``."""
    sharp = planes[0].permute(1, 2, 0).cpu().numpy()
    soft = cv2.GaussianBlur(sharp, (0, 0), BLUR_PX)
    blurred = torch.from_numpy(soft).permute(2, 0, 1)[None].to(planes.device)
    return planes + weights * (blurred - planes)
