"""Labelled clips scored again after an attack on each of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unmask.data.clips import Example, batch_examples
from unmask.models.bundle import Bundle
from unmask.models.fgsm import direction, push


@dataclass(frozen=True, slots=True)
class Attack:
    """One budget of FGSM; see :func:`unmask.models.fgsm.fgsm` for its units."""

    target: str
    epsilon: float


def attacked_logits(
    bundle: Bundle, examples: Sequence[Example], attacks: Sequence[Attack]
) -> NDArray[np.float64]:
    """Logits of each clip's first person under each attack.

    In float32: bfloat16 would hide small gradients and pass for robustness.

    Args:
        examples: Usable ones, see :class:`unmask.data.clips.Example`.
        attacks: One with ``epsilon`` 0 leaves the clip as it is.

    Returns:
        Shape ``(clips, attacks)``.
    """
    detector = bundle.detector.eval()
    device = next(detector.parameters()).device
    logits = np.zeros((len(examples), len(attacks)))
    for row, example in enumerate(examples):
        clips = batch_examples([example], bundle.settings)
        if clips.batch is None:
            continue
        batch, is_fake = clips.batch.to(device), clips.targets.is_fake.to(device)
        signs: dict[str, Tensor] = {}  # by target: the slow part does not depend on epsilon
        for column, attack in enumerate(attacks):
            harder = batch
            if attack.epsilon:
                if attack.target not in signs:
                    signs[attack.target] = direction(detector, batch, is_fake, attack.target)
                harder = push(batch, signs[attack.target], attack.target, attack.epsilon)
            with torch.inference_mode():
                logits[row, column] = float(detector(harder).logit[0])
    return logits
