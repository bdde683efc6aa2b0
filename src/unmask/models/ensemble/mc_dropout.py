"""MC dropout: repeated predictions with dropout switched on, and their range.

Gal & Ghahramani, "Dropout as a Bayesian Approximation: Representing Model Uncertainty in Deep
Learning", ICML 2016. Dropout acts in the temporal encoder, before the heads and inside them. The
backbones have none, so they run once and only the layers after them are repeated. Modality dropout
stays off.
"""

import copy
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from unmask.models.collate import Batch
from unmask.models.detector import Detector
from unmask.models.ensemble.shared_encoders import AudioFeatures
from unmask.records import ModelInput

INTERVAL_COVERAGE = 0.95

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RepeatedPredictions:
    """Summary of repeated fake probabilities.

    Attributes:
        mean, variance: Mean and variance of the repeated probabilities.
        low, high: Range that holds the middle ``INTERVAL_COVERAGE`` of them and the reported
            probability.
    """

    mean: float
    variance: float
    low: float
    high: float

    @property
    def score(self) -> float:
        """Variance over mean, the report's uncertainty score; 0 where the mean is 0."""
        return self.variance / self.mean if self.mean > 0 else 0.0


def summarise(probabilities: Floats, given: float) -> RepeatedPredictions:
    """Summarise repeated fake probabilities.

    Args:
        probabilities: Shape ``(repeats,)``, at least one.
        given: The reported probability, predicted without dropout; the range is widened to
            include it.

    Example:
        >>> summarise(np.array([0.2, 0.4]), given=0.5).high
        0.5
    """
    tail = (1 - INTERVAL_COVERAGE) / 2
    low, high = np.quantile(probabilities, [tail, 1 - tail])
    return RepeatedPredictions(
        mean=float(probabilities.mean()),
        variance=float(probabilities.var()),
        low=min(float(low), given),
        high=max(float(high), given),
    )


def content_seed(sample: ModelInput) -> int:
    """Return a seed derived from faces and sound, so that a video always gets the same passes."""
    digest = blake2b(digest_size=7)
    for values in (sample.faces, sample.waveform):
        digest.update(np.ascontiguousarray(values).data)
    return int.from_bytes(digest.digest(), "little")


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
    view = _enable_dropout_view(detector, torch.Generator().manual_seed(seed))
    steps, mask = (values.expand(passes, *values.shape[1:]) for values in audio_features)
    logits: Tensor = view(
        batch.expand(passes),
        (steps, mask),
        frame_features.expand(passes, *frame_features.shape[1:]),
    ).logit
    return logits


class _Dropout(nn.Module):
    """Dropout that is always on and draws from its own CPU generator on every device."""

    def __init__(self, p: float, generator: torch.Generator) -> None:
        super().__init__()
        self.p, self.generator = p, generator

    def forward(self, x: Tensor) -> Tensor:
        kept = torch.empty(x.shape).bernoulli_(1 - self.p, generator=self.generator)
        return x * kept.to(x.device, x.dtype) / (1 - self.p)


def _enable_dropout_view(module: Any, generator: torch.Generator) -> Any:
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
