"""Average pooling of pictures of any size to a fixed one."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unmask.models.layers.tracing import is_traced


def average_pool(x: Tensor, side: int) -> Tensor:
    """Return pictures ``(…, H, W)`` averaged over cells, shape ``(…, side, side)``."""
    if not is_traced():
        return F.adaptive_avg_pool2d(x, side)
    # ONNX has no such operation; it is linear, in rows and in columns
    rows, columns = (_pool_matrix(int(length), side) for length in x.shape[-2:])
    return rows @ x @ columns.T


def _pool_matrix(length: int, side: int) -> Tensor:
    """Return the weights by which ``length`` pixels make ``side``, shape ``(side, length)``."""
    return F.adaptive_avg_pool2d(torch.eye(length)[None], (side, length))[0]


class AveragePool(nn.Module):
    """:func:`average_pool` as a layer."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    def forward(self, x: Tensor) -> Tensor:
        """Average pictures over cells."""
        return average_pool(x, self.side)
