"""Self-blended lower faces, which imitate lip-sync generators.

Mouth and chin come from another moment of the same clip, so that mouth and sound disagree, and are
blended with a seam along the jaw. Blending, colours and frequencies are those of self-blended
images (Shiohara & Yamasaki, CVPR 2022); the replaced mouth is ours.
"""

from collections.abc import Sequence

import numpy as np

from unmask.data.forgeries.blend_mask import LOWER_FACE, MaskShape, draw_mask, sample_mask_shape
from unmask.data.forgeries.faces import blend
from unmask.data.forgeries.source_target import (
    Appearance,
    Image,
    Points,
    change_appearance,
    sample_appearance,
)
from unmask.data.image_warp import warp_region
from unmask.preprocessing.faces.alignment import estimate_similarity
from unmask.preprocessing.faces.landmarks import EYES, MOUTH, NOSE

MIN_ROWS = 5  # of which another moment is taken
MIN_SHIFT_ROWS = 2  # 0.4 s at 5 frames per second
STEADY = np.r_[NOSE, EYES]  # points that speech does not move
FIXED = np.r_[2:15, 31:36]  # jaw and base of the nose, at which the mouth is attached


def sample_moment(rows: range, total: int, rng: np.random.Generator) -> list[int]:
    """Return as many successive rows of another moment, around the end of the clip if need be.

    Args:
        rows: Frames of the excerpt.
        total: Frames of the clip, at least ``MIN_ROWS``.
    """
    shift = int(rng.integers(MIN_SHIFT_ROWS, total - MIN_SHIFT_ROWS + 1))
    return [(row + shift) % total for row in rows]


def sample_lower_face(
    rng: np.random.Generator, *, change_source: bool
) -> tuple[Appearance | None, MaskShape]:
    """Draw the changes of the source and the shape of the mask."""
    appearance = sample_appearance(rng)
    return (appearance if change_source else None), sample_mask_shape(rng, LOWER_FACE)


def replace_lower_faces(
    targets: Sequence[Image],
    landmarks: Points,
    donors: tuple[Sequence[Image], Points],
    params: tuple[Appearance | None, MaskShape],
) -> list[Image]:
    """Return the targets with mouth and chin of other frames of the same person.

    Args:
        targets: RGB, each of its own size.
        landmarks: 68 points in pixels of each target, shape ``(frames, 68, 2)``.
        donors: As many other frames, and their landmarks.
        params: See :func:`sample_lower_face`.
    """
    appearance, shape = params
    replaced = []
    for target, points, donor, donor_points in zip(targets, landmarks, *donors, strict=True):
        size = target.shape[:2]
        source = move_mouth(donor, donor_points, points, size)
        if appearance is not None:
            source = change_appearance(source, appearance)
        replaced.append(blend(target, source, draw_mask(points, size, shape)))
    return replaced


def move_mouth(donor: Image, donor_points: Points, points: Points, size: tuple[int, ...]) -> Image:
    """Warp the donor's lower face onto a frame of ``size``.

    Jaw and base of the nose take the place of the frame's. The lips keep the donor's opening and
    shape, moved with the head.
    """
    pose = estimate_similarity(donor_points[STEADY], points[STEADY])
    lips = donor_points[MOUTH] @ pose[:, :2].T + pose[:, 2]
    source = np.vstack([donor_points[FIXED], donor_points[MOUTH]])
    return warp_region(donor, source, np.vstack([points[FIXED], lips]), size)
