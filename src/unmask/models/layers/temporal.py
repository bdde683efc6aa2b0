"""Temporal encoder: convolutions or windowed attention over frame features.

Bai, Kolter & Koltun, "An Empirical Evaluation of Generic Convolutional and Recurrent Networks for
Sequence Modeling", 2018: residual dilated convolutions, here without causality.

Beltagy, Peters & Cohan, "Longformer: The Long-Document Transformer", 2020: sliding-window
attention, whose cost is linear in the length of the video; with the relative position biases of
Raffel et al., "Exploring the Limits of Transfer Learning", JMLR 2020.

Given the times of the frames, both look at neighbours in time and not by index, and never across a
cut or a gap; on a regular grid of frames the result is the same.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unmask.models.frame_runs import FRAME_STEP_S
from unmask.models.layers.attention import masked_softmax, num_heads
from unmask.models.layers.frame_times import FrameTimes, interpolate, tap_weights
from unmask.models.layers.tracing import is_traced

DILATIONS = (1, 2)  # with kernels of 3, the receptive field is 3 frames on either side: ±0.6 s

ATTENTION_BLOCKS = 2
MIN_ATTENTION_WIDTH = 64  # for features shorter than 256, a quarter of which would be too narrow


class TemporalBlock(nn.Module):
    """Residual bottleneck block with a dilated convolution over time."""

    def __init__(self, dim: int, dilation: int, dropout: float) -> None:
        super().__init__()
        hidden = max(dim // 4, 1)
        self.norm = nn.LayerNorm(dim)
        self.squeeze = nn.Linear(dim, hidden)
        self.conv = nn.Conv1d(hidden, hidden, 3, padding=dilation, dilation=dilation)
        self.reach_s = dilation * FRAME_STEP_S
        self.widen = nn.Linear(hidden, dim)
        self.dropout = nn.Dropout(dropout)
        nn.init.zeros_(self.widen.weight)  # the block starts as the identity
        nn.init.zeros_(self.widen.bias)

    def forward(self, x: Tensor, mask: Tensor, times: FrameTimes | None = None) -> Tensor:
        """Map ``(B, T, dim)`` and a mask ``(B, T)`` to ``(B, T, dim)``."""
        h = F.gelu(self.squeeze(self.norm(x)))
        h = h * mask[..., None]  # for the convolution, padding is the same as the end of the video
        if times is None:
            h = self.conv(h.transpose(1, 2)).transpose(1, 2)  # (B, T, hidden)
        else:
            h = self._convolve_in_time(h, mask, times)
        out: Tensor = x + self.dropout(self.widen(F.gelu(h)))
        return out

    def _convolve_in_time(self, h: Tensor, mask: Tensor, times: FrameTimes) -> Tensor:
        """Apply the kernel to the features at ``-reach_s``, 0 and ``reach_s`` from each frame."""
        before, after = (
            tap_weights(times, offset_s, mask).to(h.dtype) @ h
            for offset_s in (-self.reach_s, self.reach_s)
        )
        stacked = torch.stack([before, h, after], dim=-1)  # (B, T, hidden, 3)
        columns = stacked.flatten(0, 1)  # (B·T, hidden, 3): one place of the kernel each
        out: Tensor = F.conv1d(columns, self.conv.weight, self.conv.bias)[..., 0]
        return out.view(h.shape)


class ConvEncoder(nn.Module):
    """Temporal convolutional network over frame features.

    Args:
        dim: Length of the features, in and out.
    """

    def __init__(self, dim: int, dropout: float) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(TemporalBlock(dim, step, dropout) for step in DILATIONS)
        self.norm = nn.LayerNorm(dim)

    def forward(self, x: Tensor, mask: Tensor, times: FrameTimes | None = None) -> Tensor:
        """Encode.

        Args:
            x: Shape ``(B, T, dim)``.
            mask: True where there is a frame, shape ``(B, T)``.
            times: When the frames were shown; ``None``: all are neighbours in the order given.

        Returns:
            Shape ``(B, T, dim)``, zero where there is no frame.
        """
        for block in self.blocks:
            x = block(x, mask, times)
        out: Tensor = self.norm(x) * mask[..., None]
        return out


class AttentionBlock(nn.Module):
    """Residual bottleneck block with windowed self-attention and an MLP.

    Args:
        window: Frames that each frame attends to, including itself; of an even number, one more
            lies before it than after it. With times, as many steps of ``FRAME_STEP_S``, half a
            step beyond both ends included.
    """

    def __init__(self, dim: int, window: int, dropout: float) -> None:
        super().__init__()
        width = max(dim // 4, min(dim, MIN_ATTENTION_WIDTH))
        self.window, self.heads = window, num_heads(width)
        self.norm = nn.LayerNorm(dim)
        self.squeeze = nn.Linear(dim, width)
        self.attention_norm = nn.LayerNorm(width)
        self.attend = nn.Linear(width, 3 * width)
        self.distance = nn.Parameter(torch.zeros(self.heads, window))
        self.merge = nn.Linear(width, width)
        self.think = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )
        self.widen = nn.Linear(width, dim)
        self.dropout = nn.Dropout(dropout)
        nn.init.zeros_(self.widen.weight)  # the block starts as the identity
        nn.init.zeros_(self.widen.bias)

    def forward(self, x: Tensor, mask: Tensor, times: FrameTimes | None = None) -> Tensor:
        """Map ``(B, T, dim)`` and a mask ``(B, T)`` to ``(B, T, dim)``."""
        h = self.squeeze(self.norm(x))  # (B, T, width)
        h = h + self._neighbours(self.attention_norm(h), mask, times)
        h = h + self.think(h)
        out: Tensor = x + self.dropout(self.widen(F.gelu(h)))
        return out

    def _neighbours(self, h: Tensor, mask: Tensor, times: FrameTimes | None) -> Tensor:
        projected = self.attend(h).unflatten(-1, (3, self.heads, -1))
        query, key, value = projected.unbind(2)  # (B, T, heads, width / heads) each
        key, value = self._windows(key), self._windows(value)  # (B, T, heads, …, window)
        scores = torch.einsum("bthd,bthdw->bthw", query, key) / query.shape[-1] ** 0.5
        in_window = self._windows(mask)  # (B, T, window)
        bias: Tensor = self.distance
        if times is not None:
            position = self._positions(times.time_s)
            bias = interpolate(self.distance, position).movedim(0, 2)  # (B, T, heads, window)
            inside = (position >= -0.5) & (position < self.window - 0.5)
            in_window = in_window & inside & (self._windows(times.run) == times.run[..., None])
        weights = masked_softmax(scores + bias, in_window[:, :, None])
        attended = torch.einsum("bthw,bthdw->bthd", weights.to(value.dtype), value)
        out: Tensor = self.merge(attended.flatten(2))
        return out

    def _positions(self, time_s: Tensor) -> Tensor:
        """Return where the frames around each one lie in its window, shape ``(B, T, window)``."""
        return (self._windows(time_s) - time_s[..., None]) / FRAME_STEP_S + self.window // 2

    def _windows(self, x: Tensor) -> Tensor:
        """Return the window around each frame, ``(B, T, …, window)``; zeros beyond the ends."""
        before = self.window // 2
        padding = (0, 0) * (x.ndim - 2) + (before, self.window - 1 - before)
        padded = F.pad(x, padding)
        if not is_traced():
            return padded.unfold(1, self.window, 1)
        # ONNX has no windows over any number of frames
        ends = [place - self.window + 1 or None for place in range(self.window)]
        return torch.stack([padded[:, place:end] for place, end in enumerate(ends)], dim=-1)


class TransformerEncoder(nn.Module):
    """Transformer with windowed attention over frame features; alternative to ``ConvEncoder``.

    Args:
        dim: Length of the features, in and out.
        window: Frames in each attention window.
    """

    def __init__(self, dim: int, window: int, dropout: float) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            AttentionBlock(dim, window, dropout) for _ in range(ATTENTION_BLOCKS)
        )
        self.norm = nn.LayerNorm(dim)

    def forward(self, x: Tensor, mask: Tensor, times: FrameTimes | None = None) -> Tensor:
        """Encode any number of frames; arguments as in :meth:`ConvEncoder.forward`."""
        x = torch.where(mask[..., None], x, torch.zeros_like(x))
        for block in self.blocks:
            x = block(x, mask, times)
        out: Tensor = self.norm(x) * mask[..., None]
        return out


class FramewiseEncoder(nn.Module):
    """No temporal encoder: every frame keeps its own features."""

    def forward(self, x: Tensor, mask: Tensor, times: FrameTimes | None = None) -> Tensor:
        """Return the features, zero where there is no frame; shapes as in :class:`ConvEncoder`."""
        return torch.where(mask[..., None], x, torch.zeros_like(x))


def masked_mean(x: Tensor, mask: Tensor) -> Tensor:
    """Return the mean over unmasked time steps, or zero where all are masked.

    Args:
        x: Shape ``(B, T, …)``.
        mask: Shape ``(B, T)``.

    Example:
        >>> masked_mean(torch.tensor([[1.0, 3.0, 9.0]]), torch.tensor([[True, True, False]]))
        tensor([2.])
    """
    weights = mask.view(*mask.shape, *[1] * (x.ndim - 2))
    kept = torch.where(weights, x, torch.zeros_like(x))
    return kept.sum(1) / weights.sum(1).clamp(min=1)


def moving_average(logits: Tensor, mask: Tensor, steps: int) -> Tensor:
    """Return each time step's mean over its neighbourhood, in which masked steps count as zero.

    A score of few steps, such as that of a syllable between pauses, thus moves towards undecided.

    Args:
        logits: Shape ``(B, T)``.
        mask: Shape ``(B, T)``.
        steps: Length of the neighbourhood, an odd number; 1 changes nothing.

    Returns:
        Shape ``(B, T)``, zero at masked steps.

    Example:
        >>> mask = torch.tensor([[True, True, True, False]])
        >>> moving_average(torch.tensor([[3.0, 6.0, 0.0, 9.0]]), mask, 3)
        tensor([[3., 3., 2., 0.]])
    """
    kept = torch.where(mask, logits, 0.0)
    if steps > 1:
        kept = F.avg_pool1d(kept[:, None], steps, stride=1, padding=steps // 2)[:, 0]
    return kept * mask


def masked_mean_odds(logits: Tensor, mask: Tensor) -> Tensor:
    """Return the logarithm of the mean odds over unmasked time steps, or zero without any.

    Between mean and maximum, as in multiple-instance learning (log-sum-exp pooling, Pinheiro &
    Collobert, CVPR 2015): the score of a forged stretch falls by the logarithm of its share.

    Args:
        logits: Shape ``(B, T)``.
        mask: Shape ``(B, T)``.

    Example:
        >>> masked_mean_odds(torch.tensor([[-9.0, 5.0, 8.0]]), torch.tensor([[True, True, False]]))
        tensor([4.3069])
    """
    with torch.autocast(logits.device.type, enabled=False):
        kept = torch.where(mask, logits.float(), -torch.inf)
        kept = torch.where(mask.any(1, keepdim=True), kept, 0.0)
        count = torch.where(mask.any(1), mask.sum(1), logits.shape[1])
        pooled: Tensor = kept.logsumexp(1) - count.float().log()
    return pooled
