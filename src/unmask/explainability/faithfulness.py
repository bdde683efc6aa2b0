"""Faithfulness of heat maps: deletion and insertion of the hottest part, beside random parts.

Petsiuk, Das & Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models", BMVC
2018, at one size of region. Parts are replaced at the CAM layer by what genuine faces show there on
average (:mod:`unmask.models.genuine_features`): blurred pixels look forged, and raise the score
wherever they are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from unmask.explainability.frame_scorer import FrameScorer
from unmask.preprocessing.faces.landmarks import hull_mask
from unmask.records import FACE_PX

REGION_SHARE = 0.2  # of the face
RANDOM_REGIONS = 19  # as few as let a map exceed the random ones at MAX_P_VALUE
MAX_P_VALUE = 0.05  # of a map that is shown
MARGIN_PX = 12  # beyond the landmarks, where the edge of a pasted face lies
EYE_TO_BROW = 2.0  # the forehead, which has no landmarks, extends this far above the brows
NOISE_CELLS, NOISE_HEAT = 16, 1e-6  # cells per side and standard deviation; relative to the heat

Heat = NDArray[np.float32]
Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Faithfulness:
    """Effects of the highlighted part on a score, in log-odds, and of random parts of its size.

    Attributes:
        deletion: Drop of the score without the part.
        random_deletion: Mean drop without random parts.
        insertion: Rise of the score of a genuine reference with the part; ``None`` where it was
            not measured.
        random_insertion: Mean rise with random parts.
        p_value: Share of the random parts, the highlighted part counted as one of them, whose
            drop and rise together are at least as large; in ``(0, 1]``.
    """

    deletion: float
    random_deletion: float
    insertion: float | None
    random_insertion: float | None
    p_value: float

    @property
    def is_supported(self) -> bool:
        """Whether the part matters more than random parts; a map that fails is not shown."""
        return self.p_value <= MAX_P_VALUE


def measure_heat(
    scorer: FrameScorer,
    cells: Heat,
    landmarks: NDArray[np.float32],
    genuine: torch.Tensor | None,
) -> Faithfulness | None:
    """Test the hottest ``REGION_SHARE`` of the face beside random regions.

    Args:
        cells: Heat at the scorer's layer, shape ``(rows, columns)``.
        landmarks: 68 points in pixels of the aligned face, shape ``(68, 2)``.
        genuine: Map that takes the place of what is removed: the mean of genuine faces, or that
            of the genuine twin of this face, shape ``(channels, rows, columns)``.

    Returns:
        ``None`` where nothing is hot, and without ``genuine``.
    """
    face = face_share(landmarks, len(cells))
    if genuine is None or not (cells * (face > 0)).any():
        return None
    rng = np.random.default_rng(0)
    regions = [hottest_region(cells, face), *random_regions(cells, face, rng)]
    return measure_regions(scorer, regions, genuine)


def measure_regions(
    scorer: FrameScorer, regions: Sequence[Heat], genuine: torch.Tensor
) -> Faithfulness:
    """Delete and insert the first region, with the others as its random control.

    Args:
        regions: Share of each cell that belongs to the region, shape ``(rows, columns)``.
        genuine: See :func:`measure_heat`.
    """
    own, genuine = scorer.grid, genuine.to(scorer.grid)[None]
    # the first of each batch is unchanged, so that rounding is the same for all
    parts = torch.from_numpy(np.stack([np.zeros_like(regions[0]), *regions]))[:, None].to(own)
    with torch.no_grad():
        deleted = scorer(own + parts * (genuine - own)).double().cpu().numpy()
        inserted = scorer(genuine + parts * (own - genuine)).double().cpu().numpy()
    drops, rises = deleted[0] - deleted[1:], inserted[1:] - inserted[0]
    return Faithfulness(
        deletion=float(drops[0]),
        random_deletion=float(drops[1:].mean()),
        insertion=float(rises[0]),
        random_insertion=float(rises[1:].mean()),
        p_value=compare_effects(drops + rises),
    )


def compare_effects(effects: Floats) -> float:
    """Return the p-value of the first effect among the others, see :class:`Faithfulness`.

    Example:
        >>> compare_effects(np.array([0.9, 0.1, 0.2, 0.3]))
        0.25
    """
    return float((effects >= effects[0]).mean())


def random_regions(heat: Heat, face: Heat, rng: np.random.Generator) -> Iterator[Heat]:
    """Yield random regions of the size of the hottest one, see :func:`random_maps`.

    Args:
        heat: Heat of each cell, shape ``(rows, columns)``.
        face: Share of each cell that lies on the face, shape ``(rows, columns)``.
    """
    return (hottest_region(moved, face) for moved in random_maps(heat, rng))


def random_maps(heat: Heat, rng: np.random.Generator) -> Iterator[Heat]:
    """Yield ``RANDOM_REGIONS`` copies of a heat map, mirrored and shifted at random.

    Args:
        heat: Heat of each cell, shape ``(rows, columns)``.
    """
    rows = len(heat)
    for _ in range(RANDOM_REGIONS):
        moved = np.roll(heat, rng.integers(0, rows, 2), axis=(0, 1))
        for axis in (0, 1):
            moved = np.flip(moved, axis) if rng.random() < 0.5 else moved
        # if too few hot cells fall onto the face, smooth noise decides which cells are added
        noise = cv2.GaussianBlur(rng.random(heat.shape), (0, 0), rows / NOISE_CELLS)
        yield moved + NOISE_HEAT * noise.astype(np.float32)


def hottest_region(heat: Heat, face: Heat) -> Heat:
    """Return the hottest ``REGION_SHARE`` of the face, as the share of each cell.

    Args:
        heat, face: See :func:`random_regions`.

    Example:
        >>> face = np.ones((1, 5), np.float32)
        >>> hottest_region(np.float32([[0, 3, 1, 2, 0]]), face).tolist()
        [[0.0, 1.0, 0.0, 0.0, 0.0]]
    """
    order = np.argsort(-np.where(face > 0, heat, -np.inf), axis=None, kind="stable")
    area = face.ravel()[order].astype(np.float64)
    before = np.cumsum(area) - area
    taken = np.clip((REGION_SHARE * area.sum() - before) / np.maximum(area, 1e-9), 0, 1)
    region = np.zeros(face.size, np.float32)
    region[order] = np.where(area > 0, taken, 0)
    return region.reshape(face.shape)


def face_share(landmarks: NDArray[np.float32], cells: int) -> Heat:
    """Return the share of each cell that lies on the face, shape ``(cells, cells)``.

    Args:
        landmarks: 68 points in pixels of the aligned face, shape ``(68, 2)``.
    """
    mask = landmark_hull_mask(landmarks).astype(np.float32)
    return cv2.resize(mask, (cells, cells), interpolation=cv2.INTER_AREA)


def landmark_hull_mask(landmarks: NDArray[np.float32]) -> Mask:
    """Return the hull of the landmarks and the forehead, dilated, shape ``(224, 224)``."""
    eyes, brows = landmarks[36:48].mean(axis=0), landmarks[17:27]
    forehead = brows + EYE_TO_BROW * (brows.mean(axis=0) - eyes)
    mask = hull_mask(np.concatenate([landmarks, forehead]), (FACE_PX, FACE_PX)).astype(np.uint8)
    side = 2 * MARGIN_PX + 1
    return cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))) > 0
