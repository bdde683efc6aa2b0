"""What changes from frame to frame: an encoder over time, of convolutions or of attention.

Bai, Kolter & Koltun, "An Empirical Evaluation of Generic Convolutional and Recurrent Networks
for Sequence Modeling", 2018 – residual dilated convolutions; here they look both ways.

Beltagy, Peters & Cohan, "Longformer: The Long-Document Transformer", 2020 – attention in a
window that slides, so that cost grows with the video and not with its square; with the biases by
distance of Raffel et al., "Exploring the Limits of Transfer Learning", JMLR 2020.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unmask.models.layers.attention import masked_softmax, num_heads

DILATIONS = (1, 2)  # with kernels of 3, a frame sees 3 frames to either side: ±0.6 s

ATTENTION_BLOCKS = 2
NARROWEST = 64  # of attention; below 256 a quarter of the vector's length would be too little


class TemporalBlock(nn.Module):
    """Squeeze, look at the neighbours, widen, add."""

    def __init__(self, dim: int, dilation: int, dropout: float) -> None:
        super().__init__()
        hidden = max(dim // 4, 1)
        self.norm = nn.LayerNorm(dim)
        self.squeeze = nn.Linear(dim, hidden)
        self.conv = nn.Conv1d(hidden, hidden, 3, padding=dilation, dilation=dilation)
        self.widen = nn.Linear(hidden, dim)
        self.dropout = nn.Dropout(dropout)
        nn.init.zeros_(self.widen.weight)  # the block starts as the identity
        nn.init.zeros_(self.widen.bias)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Shapes ``(B, T, dim)`` and ``(B, T)`` to ``(B, T, dim)``."""
        h = nn.functional.gelu(self.squeeze(self.norm(x)))
        h = h * mask[..., None]  # padding looks to the convolution as the end of the video does
        h = self.conv(h.transpose(1, 2)).transpose(1, 2)  # (B, T, hidden)
        out: Tensor = x + self.dropout(self.widen(nn.functional.gelu(h)))
        return out


class ConvEncoder(nn.Module):
    """Per-frame vectors that know their neighbours.

    Args:
        dim: Length of the vectors, in and out.
    """

    def __init__(self, dim: int, dropout: float) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(TemporalBlock(dim, step, dropout) for step in DILATIONS)
        self.norm = nn.LayerNorm(dim)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Encode.

        Args:
            x: Shape ``(B, T, dim)``.
            mask: True where there is a frame, shape ``(B, T)``.

        Returns:
            Shape ``(B, T, dim)``, zero where there is no frame.
        """
        for block in self.blocks:
            x = block(x, mask)
        out: Tensor = self.norm(x) * mask[..., None]
        return out


class AttentionBlock(nn.Module):
    """Squeeze, attend to the neighbours, think, widen, add.

    Args:
        window: Frames that a frame sees, itself among them; one more before it than after it
            where their number is even.
    """

    def __init__(self, dim: int, window: int, dropout: float) -> None:
        super().__init__()
        width = max(dim // 4, min(dim, NARROWEST))
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

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Shapes ``(B, T, dim)`` and ``(B, T)`` to ``(B, T, dim)``."""
        h = self.squeeze(self.norm(x))  # (B, T, width)
        h = h + self._neighbours(self.attention_norm(h), mask)
        h = h + self.think(h)
        out: Tensor = x + self.dropout(self.widen(F.gelu(h)))
        return out

    def _neighbours(self, h: Tensor, mask: Tensor) -> Tensor:
        parts = self.attend(h).unflatten(-1, (3, self.heads, -1))
        query, key, value = parts.unbind(2)  # (B, T, heads, width / heads) each
        key, value = self._windows(key), self._windows(value)  # (B, T, heads, …, window)
        scores = torch.einsum("bthd,bthdw->bthw", query, key) / query.shape[-1] ** 0.5
        seen = self._windows(mask)[:, :, None]  # (B, T, 1, window)
        weights = masked_softmax(scores + self.distance, seen)
        heard = torch.einsum("bthw,bthdw->bthd", weights.to(value.dtype), value)
        out: Tensor = self.merge(heard.flatten(2))
        return out

    def _windows(self, x: Tensor) -> Tensor:
        """What each moment sees of ``x``, shape ``(B, T, …, window)``; zeros beyond the ends."""
        before = self.window // 2
        beyond = (0, 0) * (x.ndim - 2) + (before, self.window - 1 - before)
        return F.pad(x, beyond).unfold(1, self.window, 1)


class TransformerEncoder(nn.Module):
    """Per-frame vectors that have attended to their neighbours; in place of ``ConvEncoder``.

    Args:
        dim: Length of the vectors, in and out.
        window: Frames that each block of attention sees at once.
    """

    def __init__(self, dim: int, window: int, dropout: float) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            AttentionBlock(dim, window, dropout) for _ in range(ATTENTION_BLOCKS)
        )
        self.norm = nn.LayerNorm(dim)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Encode; shapes as in :meth:`ConvEncoder.forward`, of any number of frames."""
        x = torch.where(mask[..., None], x, torch.zeros_like(x))
        for block in self.blocks:
            x = block(x, mask)
        out: Tensor = self.norm(x) * mask[..., None]
        return out


def masked_mean(x: Tensor, mask: Tensor) -> Tensor:
    """Mean over time of what the mask keeps; zero where it keeps nothing.

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
