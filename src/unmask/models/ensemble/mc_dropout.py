"""MC dropout: repeated predictions with dropout switched on.

Gal & Ghahramani, "Dropout as a Bayesian Approximation: Representing Model Uncertainty in Deep
Learning", ICML 2016. Dropout acts in the temporal encoder, before the heads and inside them. The
backbones have none, so they run once and only the layers after them are repeated. Modality dropout
stays off.
"""

import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from unmask.models.collate import Batch
from unmask.models.detector import Detector
from unmask.models.ensemble.dropout_factors import draw_factors
from unmask.models.ensemble.shared_encoders import AudioFeatures


def mc_logits(
    detector: Detector,
    batch: Batch,
    audio_features: AudioFeatures,
    frame_features: Tensor,
    passes_and_seed: tuple[int, int],
) -> Tensor:
    """Return the logits of one clip under several dropout masks.

    The detector is left unchanged, so other threads may use it at the same time.

    Args:
        batch: One clip.
        audio_features, frame_features: Output of the detector's encoders for it.
        passes_and_seed: Number of passes, and the seed of the dropout masks.

    Returns:
        Uncalibrated logits, shape ``(passes,)``.
    """
    passes, seed = passes_and_seed
    view = _enable_dropout_view(detector, np.random.default_rng(seed))
    steps, mask = (values.expand(passes, *values.shape[1:]) for values in audio_features)
    logits: Tensor = view(
        batch.expand(passes),
        (steps, mask),
        frame_features.expand(passes, *frame_features.shape[1:]),
    ).logit
    return logits


class _Dropout(nn.Module):
    """Dropout that is always on and draws from its own generator, the same on every device."""

    def __init__(self, p: float, generator: np.random.Generator) -> None:
        super().__init__()
        self.p, self.generator = p, generator

    def forward(self, x: Tensor) -> Tensor:
        factors = torch.from_numpy(draw_factors(self.generator, x.shape, self.p))
        return x * factors.to(x.device, x.dtype)


def _enable_dropout_view(module: Any, generator: np.random.Generator) -> Any:
    """Return a view of a module, with the same weights, in which dropout is on."""
    if isinstance(module, nn.Dropout):
        return _Dropout(module.p, generator)
    view = copy.copy(module)
    view._modules = {
        # the backbones have run already
        name: child
        if name in ("frame", "voice") or child is None
        else _enable_dropout_view(child, generator)
        for name, child in module._modules.items()
    }
    return view
