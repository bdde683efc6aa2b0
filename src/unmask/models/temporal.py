"""What changes from frame to frame: a 1-D convolutional encoder over time.

Bai, Kolter & Koltun, "An Empirical Evaluation of Generic Convolutional and Recurrent Networks
for Sequence Modeling", 2018 – residual dilated convolutions; here they look both ways.
"""

import torch
from torch import Tensor, nn

DILATIONS = (1, 2)  # with kernels of 3, a frame sees 3 frames to either side: ±0.6 s


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
