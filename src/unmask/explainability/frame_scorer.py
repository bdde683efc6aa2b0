"""Frame scorer: fake score of one frame as a function of its map at a layer of the backbone."""

import torch
from torch import Tensor

from unmask.explainability.layer_tail import LayerTail
from unmask.explainability.top_moments import FrameCandidate
from unmask.models.bundle import Bundle
from unmask.models.cam_layer import CamLayer
from unmask.models.collate import collate
from unmask.models.layers.temporal import FramewiseEncoder
from unmask.models.precision import autocast


class FrameScorer:
    """Fake log-odds of one frame as a function of a map, in the context of its neighbours.

    Only the first member of an ensemble is used. In bfloat16 the effects of small regions would be
    lost in rounding.

    Args:
        layer: Of the first member's backbone, see :func:`find_cam_layer`.

    Attributes:
        grid: The frame's own map at the layer, float32, shape ``(1, channels, rows, columns)``.
    """

    def __init__(
        self, bundle: Bundle, layer: CamLayer, frame: FrameCandidate, precision: str = "32"
    ) -> None:
        self._detector = bundle.first_member.eval()
        self._temperature = bundle.calibration.scale_of("frame").temperature
        device = next(self._detector.parameters()).device
        self._autocast = (precision, device)
        batch = collate([frame.context], bundle.settings).to(device)
        rows = slice(None)
        self._index, self._times = frame.index, batch.frame_times
        if isinstance(self._detector.temporal, FramewiseEncoder):  # no frame needs its neighbours
            rows, self._index = slice(frame.index, frame.index + 1), 0
        encoder = self._detector.frame
        with torch.no_grad(), autocast(*self._autocast):
            flow = None if batch.flow is None else batch.flow[0, rows]
            x = encoder.to_backbone_input(batch.frames[0, rows], flow)
            self._tail = LayerTail(encoder, layer, x[self._index, None])
            self.grid = self._tail.grid.float()
            own = self._tail.features(self.grid)
            if len(x) > 1:
                is_other = torch.arange(len(x), device=device) != self._index
                others = encoder.project_features(encoder.run(encoder.backbone, x[is_other]))
                own = own.new_zeros(len(x), own.shape[1]).index_put((is_other,), others)
            self._features = own  # (frames, frame_dim)

    def __call__(self, grids: Tensor) -> Tensor:
        """Map ``(N, channels, rows, columns)`` to calibrated log-odds ``(N,)``."""
        with autocast(*self._autocast):
            own = self._tail.features(grids)  # (N, frame_dim)
            is_own = torch.arange(len(self._features), device=own.device) == self._index
            features = torch.where(is_own[:, None], own[:, None], self._features)
            mask = torch.ones(features.shape[:2], dtype=torch.bool, device=own.device)
            logits = self._detector.frame_logits(features, mask, self._times)[:, self._index]
        return logits / self._temperature
