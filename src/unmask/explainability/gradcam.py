"""Grad-CAM: heat map of the face regions that raise a frame's fake score.

Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
Localization", ICCV 2017, with Captum (Kokhlikyan et al., 2020).
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unmask.explainability.cam_layer import CamLayer, detach_at_layer
from unmask.explainability.top_moments import FrameCandidate
from unmask.models.bundle import Bundle
from unmask.models.collate import collate
from unmask.models.precision import autocast
from unmask.optional_deps import require
from unmask.records import FACE_PX


class FrameScorer:
    """Fake log-odds of one frame as a function of its pixels, in the context of its neighbours.

    Only the first member of an ensemble is used.

    Attributes:
        pixels: The frame, RGB in ``[0, 1]``, shape ``(1, 3, 224, 224)``.
        flow: Shape ``(1, 2, 224, 224)``, or ``None``.
    """

    def __init__(self, bundle: Bundle, frame: FrameCandidate, precision: str = "auto") -> None:
        self._detector = bundle.first_member.eval()
        self._temperature = bundle.calibration.temperature
        device = next(self._detector.parameters()).device
        self._autocast = (precision, device)
        batch = collate([frame.context], bundle.settings).to(device)
        self._index = frame.index
        self.pixels = batch.frames[0, self._index, None]
        self.flow = None if batch.flow is None else batch.flow[0, self._index, None]
        with torch.no_grad(), autocast(*self._autocast):
            flow = None if batch.flow is None else batch.flow[0]
            self._features = self._detector.frame(batch.frames[0], flow)  # (frames, frame_dim)

    def __call__(self, pixels: Tensor, flow: Tensor | None) -> Tensor:
        """Map ``(N, 3, 224, 224)`` and ``(N, 2, 224, 224)`` to calibrated log-odds ``(N,)``."""
        with autocast(*self._autocast):
            own = self._detector.frame(pixels, flow)  # (N, frame_dim)
            is_own = torch.arange(len(self._features), device=own.device) == self._index
            features = torch.where(is_own[:, None], own[:, None], self._features)
            mask = torch.ones(features.shape[:2], dtype=torch.bool, device=own.device)
            logits = self._detector.frame_logits(features, mask)[:, self._index]
        return logits / self._temperature

    def score(self) -> Tensor:
        """Return the log-odds of the unmodified frame, shape ``(1,)``."""
        with torch.no_grad():
            return self(self.pixels, self.flow)


def grad_cam(scorer: FrameScorer, layer: CamLayer) -> NDArray[np.float32]:
    """Return the heat map of what raises the frame's fake score.

    Args:
        layer: Layer of the backbone that ``scorer`` uses.

    Returns:
        In ``[0, 1]``, 1 at the maximum, shape ``(224, 224)``; all 0 where nothing raises the score.
    """
    attr: Any = require("captum.attr", extra="explain")
    with torch.enable_grad(), detach_at_layer(layer) as tap:
        cam = attr.LayerGradCam(lambda pixels: scorer(pixels, scorer.flow), tap)
        cells = cam.attribute(scorer.pixels, relu_attributions=True)  # (1, 1, rows, columns)
    size = (FACE_PX, FACE_PX)
    heat = attr.LayerAttribution.interpolate(cells.detach().float(), size, "bilinear")[0, 0]
    highest = heat.max()
    if highest > 0:
        heat = heat / highest
    out: NDArray[np.float32] = heat.cpu().numpy()
    return out
