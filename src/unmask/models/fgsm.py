"""The fast gradient sign method: the cheapest adversary there is.

Goodfellow, Shlens & Szegedy, "Explaining and Harnessing Adversarial Examples", ICLR 2015.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from unmask.errors import ConfigError
from unmask.models.batch import Batch
from unmask.models.detector import Detector

FRAMES, AUDIO = "frames", "audio"


def fgsm(detector: Detector, batch: Batch, is_fake: Tensor, target: str, epsilon: float) -> Batch:
    """Push every pixel, or every sample of sound, by ``epsilon`` towards the wrong answer.

    ``x + epsilon · sign(∂ BCE(logit, is_fake) / ∂x)``, then clipped to the range of ``x``.
    The detector is asked in evaluation mode and in float32, and is left as it was.

    Args:
        is_fake: True labels, shape ``(B,)``.
        target: ``frames``: ``epsilon`` is in pixel range ``[0, 1]``, on the aligned 224 px
            face. ``audio``: it is in amplitude, full scale being 1, whatever the loudness of
            the clip, and the result stays in ``[-1, 1]``.
        epsilon: 0 changes nothing.

    Returns:
        The attacked batch; padding is as it was.

    Raises:
        ConfigError: There is no such target.
    """
    if not epsilon:
        return batch
    return push(batch, direction(detector, batch, is_fake, target), target, epsilon)


def push(batch: Batch, signs: Tensor, target: str, epsilon: float) -> Batch:
    """The batch moved by ``epsilon`` along :func:`direction`, clipped to its range."""
    if target == FRAMES:
        clean = batch.frames
        pushed = (clean + epsilon * signs).clamp(0, 1)
        seen = batch.frame_mask[..., None, None, None]
        return batch.replace(frames=torch.where(seen, pushed, clean))
    pushed = (batch.waveform + epsilon * signs).clamp(-1, 1)
    return batch.replace(waveform=torch.where(batch.sample_mask, pushed, batch.waveform))


def direction(detector: Detector, batch: Batch, is_fake: Tensor, target: str) -> Tensor:
    """Towards the wrong answer: -1, 0 or 1 per value of ``target``; the same for every epsilon.

    Raises:
        ConfigError: There is no such target.
    """
    if target not in (FRAMES, AUDIO):
        raise ConfigError(f"attacks.targets: {target!r} is unknown; use {FRAMES} or {AUDIO}")
    was_training = detector.training
    detector.eval()
    with torch.enable_grad(), torch.autocast(is_fake.device.type, enabled=False):
        x = batch.frames if target == FRAMES else batch.waveform
        x = x.detach().clone().requires_grad_(True)
        prediction = detector(
            batch.replace(frames=x) if target == FRAMES else batch.replace(waveform=x)
        )
        loss = F.binary_cross_entropy_with_logits(
            prediction.logit, is_fake.float(), reduction="sum"
        )
        (gradient,) = torch.autograd.grad(loss, x, allow_unused=True)
    detector.train(was_training)
    return torch.zeros_like(x) if gradient is None else gradient.sign()
