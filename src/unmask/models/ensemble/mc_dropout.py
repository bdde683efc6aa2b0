"""How much an answer wavers: the same clip asked again and again with dropout switched on.

Gal & Ghahramani, "Dropout as a Bayesian Approximation: Representing Model Uncertainty in Deep
Learning", ICML 2016. Dropout acts in the temporal encoder, before the heads and inside them; the
backbones have none, so they run once and only what follows them is repeated. The voice backbone
and modality dropout stay as they are in an ordinary answer.
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
from unmask.models.ensemble.shared_encoders import Heard
from unmask.records import ModelInput

CONFIDENCE = 0.95

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PredictiveInterval:
    """What repeated answers say together.

    Attributes:
        low, high: Hold the middle ``CONFIDENCE`` of them, and the answer that is given.
        score: Variance over mean, as the contract defines it.
    """

    mean: float
    variance: float
    low: float
    high: float

    @property
    def score(self) -> float:
        """How much the answers waver for their size; 0 where they are all 0."""
        return self.variance / self.mean if self.mean > 0 else 0.0


def summarise(answers: Floats, given: float) -> PredictiveInterval:
    """Summarise repeated fake probabilities.

    Args:
        answers: Shape ``(answers,)``, at least one.
        given: The probability that the report gives, which a plain answer without dropout
            made; the interval is widened to hold it.

    Example:
        >>> spread_of(np.array([0.2, 0.4]), given=0.5).high
        0.5
    """
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(answers, [tail, 1 - tail])
    return PredictiveInterval(
        mean=float(answers.mean()),
        variance=float(answers.var()),
        low=min(float(low), given),
        high=max(float(high), given),
    )


def content_seed(sample: ModelInput) -> int:
    """A number that faces and sound alone decide: the same video wavers the same way."""
    digest = blake2b(digest_size=7)
    for part in (sample.faces, sample.waveform):
        digest.update(np.ascontiguousarray(part).data)
    return int.from_bytes(digest.digest(), "little")


def mc_logits(
    detector: Detector, batch: Batch, heard: Heard, seen: Tensor, chance: tuple[int, int]
) -> Tensor:
    """Ask ``detector`` several times about one clip, each time with other units dropped.

    The detector itself is left as it is, so other threads may ask it meanwhile.

    Args:
        batch: Of one clip.
        heard, seen: What the detector's encoders gave for it.
        chance: How often, and the seed of what is dropped.

    Returns:
        Logits before calibration, shape ``(passes,)``.
    """
    passes, seed = chance
    wavering = _enable_dropout_view(detector, torch.Generator().manual_seed(seed))
    steps, mask = (part.expand(passes, *part.shape[1:]) for part in heard)
    logits: Tensor = wavering(
        batch.expand(passes), (steps, mask), seen.expand(passes, *seen.shape[1:])
    ).logit
    return logits


class _Dropout(nn.Module):
    """Dropout that is always on, by a generator of its own: on a CPU and a GPU alike."""

    def __init__(self, p: float, generator: torch.Generator) -> None:
        super().__init__()
        self.p, self.generator = p, generator

    def forward(self, x: Tensor) -> Tensor:
        kept = torch.empty(x.shape).bernoulli_(1 - self.p, generator=self.generator)
        return x * kept.to(x.device, x.dtype) / (1 - self.p)


def _enable_dropout_view(module: Any, generator: torch.Generator) -> Any:
    """A view of a module, with the same weights, in which dropout is on."""
    if isinstance(module, nn.Dropout):
        return _Dropout(module.p, generator)
    view = copy.copy(module)
    view._modules = {
        # the backbones have been run already
        name: part
        if name in ("frame", "voice") or part is None
        else _enable_dropout_view(part, generator)
        for name, part in module._modules.items()
    }
    return view
