"""Sanity check of heat maps: a network with random weights must give other maps.

Adebayo et al., "Sanity Checks for Saliency Maps", NeurIPS 2018: a map that stays the same shows
the picture, and not what the network learned.
"""

import copy

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr

from unmask.models.detector import Detector

Heat = NDArray[np.float32]


def shuffle_weights(detector: Detector, seed: int) -> Detector:
    """Return a copy whose weights are permuted at random within each tensor.

    So every layer keeps the scale of its weights, and loses what it learned. Statistics of batch
    norms stay.
    """
    generator = torch.Generator().manual_seed(seed)
    shuffled = copy.deepcopy(detector)
    with torch.no_grad():
        for weights in shuffled.parameters():
            order = torch.randperm(weights.numel(), generator=generator).to(weights.device)
            weights.copy_(weights.flatten()[order].view_as(weights))
    return shuffled


def map_agreement(first: Heat, second: Heat, face: Heat) -> float | None:
    """Return Spearman's rank correlation of two maps over the face, in ``[-1, 1]``.

    Args:
        first, second: Heat of each cell, shape ``(rows, columns)``.
        face: Share of each cell that lies on the face; cells without are left out.

    Returns:
        ``None`` where a map is the same everywhere, so that it has no order.
    """
    on_face = face > 0
    if np.ptp(first[on_face]) == 0 or np.ptp(second[on_face]) == 0:
        return None
    return float(spearmanr(first[on_face], second[on_face]).statistic)
