"""Face forgeries of single frames with known landmarks: self-blended images and face swaps.

These are written to files; :mod:`unmask.data.forgeries.self_blending` forges during training.
Self-blended images: Shiohara & Yamasaki, "Detecting Deepfakes with Self-Blended Images",
CVPR 2022. Colour transfer: Reinhard et al., "Color Transfer between Images", 2001.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.data.image_warp import warp_region
from unmask.preprocessing.faces.landmarks import hull_mask

Frame = NDArray[np.uint8]
Points = NDArray[np.float64]

JAW_AND_BROWS = np.arange(27)
WARP_POINTS = np.array(
    [*range(0, 17, 2), 17, 19, 21, 22, 24, 26, 27, 30, 31, 35, 36, 39, 42, 45, 48, 51, 54, 57]
)
EPS = 1e-3


@dataclass(frozen=True, slots=True)
class BlendParams:
    """Parameters of a self-blended image, sampled once per clip.

    Attributes:
        gain, lift: Per colour channel; a pixel becomes ``gain * pixel + lift``.
        shrink: Scale of the downsampling that imitates a generator of low resolution.
        shift_px, turn_deg, scale: Misalignment of the blended face.
        jitter_px: Standard deviation of an additional shift per frame.
        inset: Distance of the mask from the outline, as a share of the face's width.
        feather: Sigma of the mask's soft edge, as a share of the face's width.
    """

    gain: Points
    lift: Points
    shrink: float
    shift_px: Points
    turn_deg: float
    scale: float
    jitter_px: float
    inset: float
    feather: float


def sample_blend_params(face_px: float, rng: np.random.Generator) -> BlendParams:
    """Sample the parameters for a face that is ``face_px`` wide."""
    return BlendParams(
        gain=1 + rng.uniform(0.03, 0.10) * rng.choice([-1, 1]) + rng.normal(0, 0.02, 3),
        lift=rng.normal(0, 5, 3),
        shrink=float(rng.uniform(0.45, 0.75)),
        shift_px=rng.normal(0, 0.012, 2) * face_px,
        turn_deg=float(rng.normal(0, 1.2)),
        scale=float(1 + rng.normal(0, 0.015)),
        jitter_px=float(rng.uniform(0.002, 0.006) * face_px),
        inset=float(rng.uniform(0.02, 0.10)),
        feather=float(rng.uniform(0.015, 0.05)),
    )


def self_blend(
    frame: Frame, points: Points, params: BlendParams, rng: np.random.Generator
) -> Frame:
    """Blend a transformed copy of the frame into the frame, inside a mask over the face.

    Args:
        frame: RGB, shape ``(height, width, 3)``.
        points: 68 landmarks in pixels, shape ``(68, 2)``.

    Returns:
        The blended frame. Only pixels inside the mask change.
    """
    mask = face_mask(frame.shape[:2], points, params.inset, params.feather)
    centre = points.mean(axis=0)
    affine = cv2.getRotationMatrix2D(tuple(centre), params.turn_deg, params.scale)
    affine[:, 2] += params.shift_px + rng.normal(0, params.jitter_px, 2)
    height, width = mask.shape
    moved = cv2.warpAffine(frame, affine, (width, height), borderMode=cv2.BORDER_REFLECT_101)
    return blend(frame, _resample(moved, params.shrink) * params.gain + params.lift, mask)


def swap_face(frame: Frame, points: Points, donor: Frame, donor_points: Points) -> Frame:
    """Put the donor's face into the frame: landmark warp, colour transfer, feathered mask.

    Args:
        frame, donor: RGB, shape ``(height, width, 3)``; the sizes may differ.
        points, donor_points: 68 landmarks in pixels, shape ``(68, 2)``.
    """
    moved = warp_region(donor, donor_points[WARP_POINTS], points[WARP_POINTS], frame.shape[:2])
    mask = face_mask(frame.shape[:2], points, 0.05, 0.03)
    return blend(frame, _match_colour(_resample(moved, 0.7), frame, mask), mask)


def closest_donor(points: Points, donors: Points) -> int:
    """Return the index of the donor's frame with the most similar head pose and expression.

    Args:
        points: Shape ``(68, 2)``.
        donors: Shape ``(frames, 68, 2)``.
    """
    distances = np.square(_normalise(donors) - _normalise(points[None])).sum(axis=(1, 2))
    return int(distances.argmin())


def face_mask(
    size: tuple[int, ...], points: Points, inset: float, feather: float
) -> NDArray[np.float32]:
    """Return a soft mask of the face without the forehead, in ``[0, 1]``, shape ``size``.

    Args:
        size: Height and width.
        points: 68 landmarks in pixels, shape ``(68, 2)``.
        inset, feather: Distance from the outline and sigma of the edge, as shares of the face's
            width.
    """
    width = float(np.ptp(points[JAW_AND_BROWS, 0]))
    centre = points.mean(axis=0)
    outline = centre + (points[JAW_AND_BROWS] - centre) * (1 - 2 * inset)
    mask = hull_mask(outline, size, truncate=True).astype(np.float32)
    sigma = max(feather * width, 0.5)
    soft = cv2.GaussianBlur(mask, (0, 0), sigma)
    return np.where(soft > 0.01, soft, 0).astype(np.float32)


def blend(frame: Frame, inside: NDArray[Any], mask: NDArray[np.float32]) -> Frame:
    """Blend ``inside`` into the frame; pixels of weight 0 are copied.

    Args:
        mask: Weight of ``inside``, in ``[0, 1]``, shape ``(height, width)``.
    """
    weight = mask[..., None]
    blended = np.rint(np.clip(frame * (1 - weight) + inside * weight, 0, 255))
    return np.where(weight > 0, blended, frame).astype(np.uint8)


def _normalise(points: Points) -> Points:
    """Remove position and size of each row's shape."""
    centred = points - points.mean(axis=1, keepdims=True)
    return centred / np.sqrt(np.square(centred).sum(axis=(1, 2), keepdims=True))


def _resample(frame: Frame, shrink: float) -> NDArray[np.float32]:
    height, width = frame.shape[:2]
    small = cv2.resize(frame, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.float32)


def _match_colour(
    inside: NDArray[np.float32], frame: Frame, mask: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Match mean and standard deviation of each Lab channel to the frame, inside the mask."""
    selected = mask > 0.5
    source_lab, target_lab = (
        cv2.cvtColor(image.clip(0, 255).astype(np.uint8), cv2.COLOR_RGB2LAB).astype(np.float32)
        for image in (inside, frame)
    )
    source, target = source_lab[selected], target_lab[selected]
    scale = target.std(axis=0) / np.maximum(source.std(axis=0), EPS)
    matched = (source_lab - source.mean(axis=0)) * scale + target.mean(axis=0)
    return cv2.cvtColor(matched.clip(0, 255).astype(np.uint8), cv2.COLOR_LAB2RGB).astype(np.float64)
