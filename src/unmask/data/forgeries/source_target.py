"""Source–target generator of self-blended images: two different versions of one picture.

Shiohara & Yamasaki, "Detecting Deepfakes with Self-Blended Images", CVPR 2022
(arXiv 2204.08376). One of the two, at random, gets other colours and either less resolution or
more sharpness; the source is resized and shifted besides. Ranges are those of the authors'
released training settings (github.com/mapooon/SelfBlendedImages) where named below. Their shifts
of hue, saturation and value round to almost nothing; those here can be seen.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

RGB_SHIFT = 20.0  # of 255, up or down, per channel; the authors'
P_RGB_SHIFT = 0.3  # the authors'
HUE_DEG = 6.0  # either way
SATURATION = 0.15  # relative, up or down
VALUE = 0.1  # relative, up or down
BRIGHTNESS = 0.1  # of full scale, up or down; the authors'
CONTRAST = 0.1  # relative, up or down; the authors'
SHRINKAGES = (2, 4)  # factors by which resolution is reduced; the authors'
SHARPEN = (0.2, 0.5)  # weight of the sharpened picture; the authors'
SHARPEN_LIGHTNESS = (0.5, 1.0)  # of that picture; the authors'
SHIFT = (0.03, 0.015)  # to the side and down, as shares of the face; the authors'
MIN_SCALE = 0.95  # of width and height, and its inverse the maximum; the authors'
MAX_JITTER = 0.003  # additional shift per frame, as a share of the face; ours

# luma, and two axes of colour that a change of hue rotates (YIQ, as in NTSC)
YIQ = np.array([(0.299, 0.587, 0.114), (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112)])

Image = NDArray[np.uint8]
Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Appearance:
    """Changes of colour and frequency.

    Attributes:
        colour: Affine map of red, green and blue in levels, shape ``(3, 4)``.
        shrink: Factor by which the resolution is reduced; 1 keeps it.
        sharpen: Weight of the sharpened picture; 0 keeps the picture.
        lightness: Brightness of the sharpened picture relative to the picture.
    """

    colour: Points
    shrink: int = 1
    sharpen: float = 0.0
    lightness: float = 1.0


@dataclass(frozen=True, slots=True)
class Misalignment:
    """Position of the source on the target.

    Attributes:
        shift: To the right and down, as shares of the face's width and height, shape ``(2,)``.
        scale: Of width and height, shape ``(2,)``.
        jitter: Standard deviation of an additional shift per frame, as a share of the face.
    """

    shift: Points
    scale: Points
    jitter: float = 0.0


def sample_appearance(rng: np.random.Generator) -> Appearance:
    """Draw changes of colour, and one of frequency."""
    use_shift, shift = rng.random() < P_RGB_SHIFT, rng.uniform(-RGB_SHIFT, RGB_SHIFT, 3)
    hue = np.deg2rad(rng.uniform(-HUE_DEG, HUE_DEG))
    saturation, value = 1 + rng.uniform(-SATURATION, SATURATION), 1 + rng.uniform(-VALUE, VALUE)
    contrast = 1 + rng.uniform(-CONTRAST, CONTRAST)
    brightness = 255 * rng.uniform(-BRIGHTNESS, BRIGHTNESS)
    turn = saturation * np.array([(np.cos(hue), -np.sin(hue)), (np.sin(hue), np.cos(hue))])
    chroma = np.eye(3)
    chroma[1:, 1:] = turn
    linear = contrast * value * (np.linalg.inv(YIQ) @ chroma @ YIQ)
    offset = brightness + (shift if use_shift else 0.0) + np.zeros(3)
    shrinks, shrink = rng.random() < 0.5, int(rng.choice(SHRINKAGES))
    sharpen, lightness = float(rng.uniform(*SHARPEN)), float(rng.uniform(*SHARPEN_LIGHTNESS))
    return Appearance(
        np.column_stack([linear, offset]),
        shrink=shrink if shrinks else 1,
        sharpen=0.0 if shrinks else sharpen,
        lightness=lightness,
    )


def change_appearance(image: Image, appearance: Appearance) -> Image:
    """Return the picture with other colours and frequencies.

    Args:
        image: RGB, shape ``(height, width, 3)``.
    """
    changed = cv2.transform(image, appearance.colour)  # rounds and saturates
    if appearance.shrink > 1:
        height, width = image.shape[:2]
        size = max(width // appearance.shrink, 1), max(height // appearance.shrink, 1)
        small = cv2.resize(changed, size, interpolation=cv2.INTER_NEAREST)  # the authors'
        changed = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    if appearance.sharpen:
        # the sharpened picture adds what a pixel exceeds its eight neighbours by
        kernel = np.full((3, 3), -appearance.sharpen)
        kernel[1, 1] = 1 + appearance.sharpen * (7 + appearance.lightness)
        changed = cv2.filter2D(changed, -1, kernel)  # rounds and saturates
    return changed.astype(np.uint8, copy=False)


def sample_misalignment(rng: np.random.Generator) -> Misalignment:
    """Draw the shift and the scale of the source, width and height apart."""
    return Misalignment(
        shift=rng.uniform(-1, 1, 2) * SHIFT,
        scale=rng.uniform(MIN_SCALE, 1 / MIN_SCALE, 2),
        jitter=float(rng.uniform(0, MAX_JITTER)),
    )


def misalignment_matrix(
    points: Points, misalignment: Misalignment, rng: np.random.Generator
) -> Points:
    """Return the matrix that moves the source of one frame, shape ``(2, 3)``.

    Args:
        points: 68 landmarks in pixels, shape ``(68, 2)``.
        rng: Draws the jitter.
    """
    low, high = points.min(axis=0), points.max(axis=0)
    centre, extent = (low + high) / 2, high - low
    shift = misalignment.shift + rng.normal(0, 1, 2) * misalignment.jitter
    moved = centre - misalignment.scale * centre + shift * extent
    return np.column_stack([np.diag(misalignment.scale), moved])
