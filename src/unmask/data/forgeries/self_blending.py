"""Self-blended images of a clip: each face is blended with another version of itself.

Shiohara & Yamasaki, "Detecting Deepfakes with Self-Blended Images", CVPR 2022 (arXiv 2204.08376).
There each picture is blended for itself. Here all parameters are drawn once per clip, as a forged
video has one generator, and only the source's position changes a little from frame to frame.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from unmask.data.forgeries.blend_mask import MaskShape, draw_mask, sample_mask_shape
from unmask.data.forgeries.faces import blend
from unmask.data.forgeries.source_target import (
    Appearance,
    Image,
    Misalignment,
    Points,
    change_appearance,
    misalignment_matrix,
    sample_appearance,
    sample_misalignment,
)


@dataclass(frozen=True, slots=True)
class SelfBlend:
    """How the faces of a clip are blended with themselves.

    Attributes:
        source: Changes of the source; ``None`` where the target was changed instead.
    """

    source: Appearance | None
    misalignment: Misalignment
    mask: MaskShape


def sample_target_change(rng: np.random.Generator) -> Appearance | None:
    """Draw the changes of the target, which all clips of a pair share.

    Returns:
        ``None`` in half of the cases, in which the source is changed instead.
    """
    changed, appearance = rng.random() < 0.5, sample_appearance(rng)
    return appearance if changed else None


def sample_self_blend(rng: np.random.Generator, *, change_source: bool) -> SelfBlend:
    """Draw the parameters of a clip."""
    appearance = sample_appearance(rng)
    return SelfBlend(
        appearance if change_source else None, sample_misalignment(rng), sample_mask_shape(rng)
    )


def self_blend_faces(
    targets: Sequence[Image],
    sources: Sequence[Image],
    landmarks: Points,
    params: SelfBlend,
    rng: np.random.Generator,
) -> list[Image]:
    """Return the targets with the sources' faces; pixels outside the masks stay as they are.

    Args:
        targets, sources: The same pictures, RGB, each of its own size; the targets with the
            changes of :func:`sample_target_change`, if any.
        landmarks: 68 points in pixels of each image, shape ``(frames, 68, 2)``.
        rng: Draws the jitter of the frames.
    """
    blended = []
    for target, source, points in zip(targets, sources, landmarks, strict=True):
        matrix = misalignment_matrix(points, params.misalignment, rng)
        changed = source if params.source is None else change_appearance(source, params.source)
        size = target.shape[1], target.shape[0]
        moved = cv2.warpAffine(changed, matrix, size, borderMode=cv2.BORDER_REFLECT_101)
        mask = draw_mask(points, target.shape[:2], params.mask, matrix)
        blended.append(blend(target, moved, mask))
    return blended
