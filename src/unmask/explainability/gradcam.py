"""Where on the face the frame model looked: Grad-CAM.

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
    """One frame's fake log-odds, whatever is done to its pixels; its neighbours stay.

    Of an ensemble, the first member is asked.

    Attributes:
        pixels: The frame, RGB in ``[0, 1]``, shape ``(1, 3, 224, 224)``.
        flow: Shape ``(1, 2, 224, 224)``, or ``None``.
    """

    def __init__(self, bundle: Bundle, suspect: FrameCandidate, precision: str = "auto") -> None:
        self._detector = bundle.first_member.eval()
        self._temperature = bundle.calibration.temperature
        device = next(self._detector.parameters()).device
        self._arithmetic = (precision, device)
        batch = collate([suspect.seen], bundle.settings).to(device)
        self._at = suspect.at
        self.pixels = batch.frames[0, self._at, None]
        self.flow = None if batch.flow is None else batch.flow[0, self._at, None]
        with torch.no_grad(), autocast(*self._arithmetic):
            flow = None if batch.flow is None else batch.flow[0]
            self._around = self._detector.frame(batch.frames[0], flow)  # (frames, frame_dim)

    def __call__(self, pixels: Tensor, flow: Tensor | None) -> Tensor:
        """Shapes ``(N, 3, 224, 224)`` and ``(N, 2, 224, 224)`` to calibrated ``(N,)``."""
        with autocast(*self._arithmetic):
            own = self._detector.frame(pixels, flow)  # (N, frame_dim)
            is_own = torch.arange(len(self._around), device=own.device) == self._at
            vectors = torch.where(is_own[:, None], own[:, None], self._around)
            mask = torch.ones(vectors.shape[:2], dtype=torch.bool, device=own.device)
            logits = self._detector.frame_logits(vectors, mask)[:, self._at]
        return logits / self._temperature

    def score(self) -> Tensor:
        """The frame as it is."""
        with torch.no_grad():
            return self(self.pixels, self.flow)


def grad_cam(judge: FrameScorer, layer: CamLayer) -> NDArray[np.float32]:
    """What in the face raises the frame's fake score.

    Args:
        layer: Of the backbone of the detector that ``judge`` asks.

    Returns:
        In ``[0, 1]``, 1 where it matters most, shape ``(224, 224)``; all 0 where nothing
        speaks for a fake.
    """
    attr: Any = require("captum.attr", extra="explain")
    with torch.enable_grad(), detach_at_layer(layer) as tap:
        cam = attr.LayerGradCam(lambda pixels: judge(pixels, judge.flow), tap)
        cells = cam.attribute(judge.pixels, relu_attributions=True)  # (1, 1, rows, columns)
    size = (FACE_PX, FACE_PX)
    heat = attr.LayerAttribution.interpolate(cells.detach().float(), size, "bilinear")[0, 0]
    highest = heat.max()
    if highest > 0:
        heat = heat / highest
    out: NDArray[np.float32] = heat.cpu().numpy()
    return out
