"""Is a heat map right? Take away what it points at, and see whether the score falls.

The deletion test of Petsiuk, Das & Saenko, "RISE: Randomized Input Sampling for Explanation
of Black-box Models", BMVC 2018, at one size of region, against regions of the same size and
shape elsewhere in the same face.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from unmask.explainability.gradcam import FrameScorer
from unmask.records import FACE_PX

SHARE = 0.2  # of the face is taken away
RANDOM_REGIONS = 5  # each asks the frame model again
BLUR_PX = FACE_PX / 16  # leaves the light of a region and nothing that is finer than an eye
FEATHER_PX = 3.0  # a hard seam would itself be a trace of forgery
MARGIN_PX = 12  # beyond the landmarks, where a pasted face ends
EYE_TO_BROW = 2.0  # the forehead, which has no landmarks, begins this far above the brows

Heat = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Deletion:
    """Fall of a score, in log-odds; positive where the score is lower without the part.

    Attributes:
        drop: Without the part that the explanation points at.
        random_drop: Mean over random parts of the same size.
    """

    drop: float
    random_drop: float


def deletion(judge: FrameScorer, heat: Heat, landmarks: NDArray[np.float32]) -> Deletion | None:
    """Blur the hottest ``SHARE`` of the face, and as much elsewhere, and ask again.

    Args:
        heat: In ``[0, 1]``, shape ``(224, 224)``.
        landmarks: 68 points in the aligned face's pixels, shape ``(68, 2)``.

    Returns:
        ``None`` where the map points at nothing in the face.
    """
    face = landmark_hull_mask(landmarks)
    region = top_region(heat, face)
    if not region.any():
        return None
    rng = np.random.default_rng(0)
    others = [random_region(heat, face, int(region.sum()), rng) for _ in range(RANDOM_REGIONS)]
    none = np.zeros_like(region)  # in one batch with the others, so that all round alike
    scores = _scores(judge, [none, region, *others])
    falls = scores[0] - scores[1:]
    return Deletion(drop=float(falls[0]), random_drop=float(falls[1:].mean()))


def landmark_hull_mask(landmarks: NDArray[np.float32]) -> Mask:
    """Where the face is: around the landmarks, forehead included, shape ``(224, 224)``."""
    eyes, brows = landmarks[36:48].mean(axis=0), landmarks[17:27]
    forehead = brows + EYE_TO_BROW * (brows.mean(axis=0) - eyes)
    hull = cv2.convexHull(np.concatenate([landmarks, forehead]).astype(np.float32))
    mask = np.zeros((FACE_PX, FACE_PX), np.uint8)
    cv2.fillConvexPoly(mask, np.rint(hull).astype(np.int32), 1)
    side = 2 * MARGIN_PX + 1
    return cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))) > 0


def top_region(heat: Heat, face: Mask) -> Mask:
    """The hottest ``SHARE`` of the face; less where less of it is hot at all."""
    size = min(round(SHARE * int(face.sum())), int((heat[face] > 0).sum()))
    return _top(heat.astype(np.float64), face, size)


def random_region(heat: Heat, face: Mask, size: int, rng: np.random.Generator) -> Mask:
    """A region of ``size`` pixels of the face: the heat, mirrored and moved by chance."""
    moved = np.roll(heat, rng.integers(0, FACE_PX, 2), axis=(0, 1)).astype(np.float64)
    for axis in (0, 1):
        moved = np.flip(moved, axis) if rng.random() < 0.5 else moved
    # where too little of it falls onto the face, smooth chance says which pixels go with it
    chance = cv2.GaussianBlur(rng.random((FACE_PX, FACE_PX)), (0, 0), BLUR_PX)
    return _top(moved + 1e-6 * chance, face, size)


def _top(values: NDArray[np.float64], face: Mask, size: int) -> Mask:
    order = np.argsort(-np.where(face, values, -np.inf), axis=None, kind="stable")
    region = np.zeros(face.size, np.bool_)
    region[order[:size]] = True
    return region.reshape(face.shape)


def _scores(judge: FrameScorer, regions: list[Mask]) -> NDArray[np.float64]:
    """Log-odds with each region blurred, in the picture and in the flow."""
    weights = torch.from_numpy(np.stack([_feathered(one) for one in regions]))[:, None]
    with torch.inference_mode():
        planes = [judge.pixels] if judge.flow is None else [judge.pixels, judge.flow]
        pixels, *flow = (_blended(one, weights.to(one.device)) for one in planes)
        return judge(pixels, flow[0] if flow else None).double().cpu().numpy()


def _feathered(region: Mask) -> Heat:
    return cv2.GaussianBlur(region.astype(np.float32), (0, 0), FEATHER_PX)


def _blended(planes: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Shapes ``(1, C, 224, 224)`` and ``(N, 1, 224, 224)`` to ``(N, C, 224, 224)``."""
    sharp = planes[0].permute(1, 2, 0).cpu().numpy()
    soft = cv2.GaussianBlur(sharp, (0, 0), BLUR_PX)
    blurred = torch.from_numpy(soft).permute(2, 0, 1)[None].to(planes.device)
    return planes + weights * (blurred - planes)
