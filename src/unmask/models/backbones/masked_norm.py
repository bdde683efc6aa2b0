"""Norms over time that ignore padding and silence."""

import torch
from torch import Tensor, nn

VARIANCE_EPS = 1e-7  # added to the variance, as in the feature extractor of wav2vec2


def normalise_speech(waveform: Tensor, speech: Tensor) -> Tensor:
    """Scale speech to mean 0 and variance 1, and set everything else to 0.

    Args:
        waveform: Shape ``(B, S)``.
        speech: True where there is speech, shape ``(B, S)``.
    """
    x = torch.where(speech, waveform, torch.zeros_like(waveform))
    count = speech.sum(1, keepdim=True).clamp(min=1)
    x = torch.where(speech, x - x.sum(1, keepdim=True) / count, x)
    variance = x.square().sum(1, keepdim=True) / count
    return x / (variance + VARIANCE_EPS).sqrt()


def masked_channel_norm(x: Tensor, steps: Tensor, norm: nn.GroupNorm) -> Tensor:
    """Apply ``norm`` (one group per channel) over the first ``steps`` steps of each row.

    On rows without padding this equals ``norm(x)``. wav2vec2-base normalises its first layer over
    all of time, so the padding of a batch would otherwise change every score in it.

    Args:
        x: Shape ``(B, C, L)``.
        steps: Shape ``(B,)``, each at least 1.

    Returns:
        Shape ``(B, C, L)``; undefined after a row's last step.
    """
    mask = (torch.arange(x.shape[2], device=x.device) < steps[:, None])[:, None]  # (B, 1, L)
    wide = x.float()
    count = steps[:, None, None]
    mean = torch.where(mask, wide, 0.0).sum(2, keepdim=True) / count
    variance = torch.where(mask, (wide - mean).square(), 0.0).sum(2, keepdim=True) / count
    scale = norm.weight.float()[:, None] / (variance + norm.eps).sqrt()  # (B, C, 1)
    return ((wide - mean) * scale + norm.bias.float()[:, None]).to(x.dtype)
