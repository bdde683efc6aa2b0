"""Heat map of what in a face raises a frame's fake score, against genuine faces.

Integrated gradients (Sundararajan, Taly & Yan, "Axiomatic Attribution for Deep Networks", ICML
2017) from the features of genuine faces to those of this face, at one layer of the frame backbone,
with Captum (Kokhlikyan et al., 2020): how much of the score each cell adds.
"""

from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from unmask.explainability.frame_scorer import FrameScorer
from unmask.optional_deps import require
from unmask.records import FACE_PX

STEPS = 8  # of the path; with 32 the maps are the same to the eye
SMOOTHING_CELLS = 1.0  # standard deviation; single cells are as noisy as single pixels

Heat = NDArray[np.float32]


def heat_cells(scorer: FrameScorer, genuine: torch.Tensor | None) -> Heat:
    """Return the heat of each cell of the scorer's layer.

    Args:
        genuine: Mean map of genuine faces, shape ``(channels, rows, columns)``. ``None`` for a
            detector that has none; the features are then compared with zero.

    Returns:
        In ``[0, 1]``, 1 at the maximum, shape ``(rows, columns)``; all 0 where nothing raises the
        score.
    """
    attr: Any = require("captum.attr", extra="explain")
    own = scorer.grid
    baseline = torch.zeros_like(own) if genuine is None else genuine.to(own)[None]
    with torch.enable_grad():
        gradients = attr.IntegratedGradients(scorer)
        parts = gradients.attribute(own, baseline, n_steps=STEPS, method="riemann_middle")
    raised = parts.sum(1)[0].clamp(min=0).float().cpu().numpy()  # (rows, columns)
    cells: Heat = cv2.GaussianBlur(raised, (0, 0), SMOOTHING_CELLS).astype(np.float32)
    highest = float(cells.max())
    return cells / highest if highest > 0 else cells


def enlarge(cells: Heat) -> Heat:
    """Return the heat of each pixel of the aligned face, shape ``(224, 224)``."""
    pixels = cv2.resize(cells, (FACE_PX, FACE_PX), interpolation=cv2.INTER_LINEAR)
    return pixels.astype(np.float32, copy=False)
