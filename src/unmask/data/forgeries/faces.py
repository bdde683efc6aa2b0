"""Forged faces, frame by frame, on any footage whose landmarks are known.

Self-blended images: Shiohara & Yamasaki, "Detecting Deepfakes with Self-Blended Images",
CVPR 2022. Colour transfer: Reinhard et al., "Color Transfer between Images", 2001.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.data.image_warp import warp_region

Frame = NDArray[np.uint8]
Points = NDArray[np.float64]

JAW_AND_BROWS = np.arange(27)
SKETCH = np.array(
    [*range(0, 17, 2), 17, 19, 21, 22, 24, 26, 27, 30, 31, 35, 36, 39, 42, 45, 48, 51, 54, 57]
)
# whose outlines a mask may have: the whole face, its features, the lower face, the mouth
REGIONS = {
    "face": JAW_AND_BROWS,
    "features": np.arange(17, 68),
    "lower": np.array([*range(2, 15), 30]),
    "mouth": np.arange(48, 60),
}
SHARPEN_PX = 1.5


@dataclass(frozen=True, slots=True)
class BlendParams:
    """How one self-blended clip differs inside the mask; drawn once per clip.

    Attributes:
        gain, lift: Of each colour channel; a pixel becomes ``gain * pixel + lift``.
        shrink: The inside is shrunk by this and enlarged again, as generators' outputs are.
        shift_px, turn_deg, scale: The inside lies slightly off, as a warped-back face does.
        jitter_px: Unsteadiness from frame to frame.
        inset: How far the mask stays inside the face's outline, as a share of its width.
        feather: Softness of the seam, as a share of the face's width.
        region: Which part of the face is inside, one of ``REGIONS``.
        bend: What each landmark is moved by before the mask is drawn, as shares of the face's
            width, shape ``(68, 2)``.
        sharpen: How much of what a blur takes away is added; 0 adds nothing.
        opacity: Of the inside.
        outside: The other role: what surrounds the mask is changed, and the inside is not.
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
    region: str = "face"
    bend: Points | None = None
    sharpen: float = 0.0
    opacity: float = 1.0
    outside: bool = False


def sample_blend_params(face_px: float, rng: np.random.Generator) -> BlendParams:
    """A look for a face that is ``face_px`` wide."""
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


def sample_training_blend_params(face_px: float, rng: np.random.Generator) -> BlendParams:
    """A look for a face that is ``face_px`` wide, of more kinds than :func:`draw_blend_look`.

    Masks of several parts, bent at random; both roles; seams that are hardly there. In single
    precision, since a detector in training does not wait for the last bit.
    """
    region = str(rng.choice(list(REGIONS)))
    softened = rng.random() < 0.5
    gain = 1 + rng.normal(0, 0.06) + rng.normal(0, 0.03, 3)
    lift = rng.normal(0, 4) + rng.normal(0, 4, 3)
    return BlendParams(
        gain=gain.astype(np.float32),
        lift=lift.astype(np.float32),
        shrink=float(rng.uniform(0.4, 0.9)) if softened else 1.0,
        shift_px=rng.normal(0, 0.012, 2) * face_px,
        turn_deg=float(rng.normal(0, 1.2)),
        scale=float(1 + rng.normal(0, 0.015)),
        jitter_px=float(rng.uniform(0.0, 0.006) * face_px),
        inset=float(rng.uniform(-0.05, 0.12)),
        feather=float(rng.uniform(0.01, 0.06)),
        region=region,
        bend=rng.normal(0, 0.02, (68, 2)),
        sharpen=0.0 if softened else float(rng.uniform(0.2, 1.0)),
        opacity=float(rng.choice([0.5, 0.75, 1.0, 1.0, 1.0])),
        outside=bool(rng.random() < 0.5),
    )


def self_blend(frame: Frame, points: Points, look: BlendParams, rng: np.random.Generator) -> Frame:
    """Blend a changed copy of the frame into itself over the face.

    Args:
        frame: RGB, shape ``(height, width, 3)``.
        points: 68 landmarks in pixels, shape ``(68, 2)``.

    Returns:
        The frame; nothing outside the mask changes.
    """
    mask = face_mask(
        frame.shape[:2], _deform_landmarks(points, look), look.inset, look.feather, look.region
    )
    middle = points.mean(axis=0)
    turn = cv2.getRotationMatrix2D(tuple(middle), look.turn_deg, look.scale)
    turn[:, 2] += look.shift_px + rng.normal(0, look.jitter_px, 2)
    height, width = mask.shape
    moved = cv2.warpAffine(frame, turn, (width, height), borderMode=cv2.BORDER_REFLECT_101)
    if look.outside:
        around = np.clip(_changed(frame, look), 0, 255)
        return blend(around, moved.astype(around.dtype), mask * look.opacity, inside_only=False)
    return blend(frame, _changed(moved, look), mask * look.opacity)


def _changed(frame: Frame, look: BlendParams) -> NDArray[Any]:
    made = _resampled(frame, look.shrink)
    if look.sharpen:
        made = made + look.sharpen * (made - cv2.GaussianBlur(made, (0, 0), SHARPEN_PX))
    return np.asarray(made * look.gain + look.lift)


def _deform_landmarks(points: Points, look: BlendParams) -> Points:
    if look.bend is None:
        return points
    return points + look.bend * np.ptp(points[JAW_AND_BROWS, 0])


def swap_face(frame: Frame, points: Points, donor: Frame, donor_points: Points) -> Frame:
    """Put the donor's face into the frame: landmark warp, colour transfer, feathered mask.

    Args:
        points, donor_points: 68 landmarks each, shape ``(68, 2)``.
    """
    moved = warp_region(donor, donor_points[SKETCH], points[SKETCH], frame.shape[:2])
    mask = face_mask(frame.shape[:2], points, 0.05, 0.03)
    return blend(frame, _match_colour(_resampled(moved, 0.7), frame, mask), mask)


def closest_donor(points: Points, donors: Points) -> int:
    """Which of the donor's frames holds its head and mouth most alike.

    Args:
        points: Shape ``(68, 2)``.
        donors: Shape ``(frames, 68, 2)``.
    """
    gaps = np.square(_shape(donors) - _shape(points[None])).sum(axis=(1, 2))
    return int(gaps.argmin())


def face_mask(
    size: tuple[int, ...], points: Points, inset: float, feather: float, region: str = "face"
) -> NDArray[np.float32]:
    """The inside of the face's outline, forehead left out, in ``[0, 1]``, shape ``size``.

    Args:
        inset, feather: As shares of the face's width.
        region: ``face``, or another of ``REGIONS``, whose own outline it is then.
    """
    width = float(np.ptp(points[JAW_AND_BROWS, 0]))
    chosen = points[REGIONS[region]]
    middle = (points if region == "face" else chosen).mean(axis=0)
    outline = middle + (chosen - middle) * (1 - 2 * inset)
    mask = np.zeros(size, np.float32)
    cv2.fillConvexPoly(mask, cv2.convexHull(outline.astype(np.float32)).astype(np.int32), 1.0)
    sigma = max(feather * width, 0.5)
    soft = cv2.GaussianBlur(mask, (0, 0), sigma)
    return np.where(soft > 0.01, soft, 0).astype(np.float32)


def blend(
    frame: NDArray[Any], inside: NDArray[Any], mask: NDArray[np.float32], inside_only: bool = True
) -> Frame:
    """``inside`` where the mask is 1, the frame where it is 0."""
    weight = mask[..., None]
    mixed = np.rint(np.clip(frame * (1 - weight) + inside * weight, 0, 255))
    return (np.where(weight > 0, mixed, frame) if inside_only else mixed).astype(np.uint8)


def _shape(points: Points) -> Points:
    centred = points - points.mean(axis=1, keepdims=True)
    return centred / np.sqrt(np.square(centred).sum(axis=(1, 2), keepdims=True))


def _resampled(frame: Frame, shrink: float) -> NDArray[np.float32]:
    height, width = frame.shape[:2]
    small = cv2.resize(frame, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.float32)


def _match_colour(
    inside: NDArray[np.float32], frame: Frame, mask: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Mean and spread of each Lab channel as in the frame under the mask."""
    under = mask > 0.5
    lab = [
        cv2.cvtColor(x.clip(0, 255).astype(np.uint8), cv2.COLOR_RGB2LAB) for x in (inside, frame)
    ]
    moved, target = (x.astype(np.float32) for x in lab)
    here, there = moved[under], target[under]
    scale = there.std(axis=0) / np.maximum(here.std(axis=0), 1e-3)
    out = (moved - here.mean(axis=0)) * scale + there.mean(axis=0)
    return cv2.cvtColor(out.clip(0, 255).astype(np.uint8), cv2.COLOR_LAB2RGB).astype(np.float64)
