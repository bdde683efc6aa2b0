"""Attention: masked softmax that is defined without keys, and the number of heads.

Vaswani et al., "Attention Is All You Need", NeurIPS 2017.
"""

import torch
from torch import Tensor

MAX_HEADS = 8
MIN_HEAD_WIDTH = 16  # narrower heads distinguish too little


def num_heads(width: int) -> int:
    """Return the largest number of heads, up to ``MAX_HEADS``, that divides ``width``.

    Heads are at least ``MIN_HEAD_WIDTH`` wide where possible.

    Example:
        >>> num_heads(512), num_heads(64), num_heads(8)
        (8, 4, 1)
    """
    limit = max(min(MAX_HEADS, width // MIN_HEAD_WIDTH), 1)
    return next(heads for heads in range(limit, 0, -1) if width % heads == 0)


def masked_softmax(scores: Tensor, mask: Tensor) -> Tensor:
    """Return the softmax over unmasked keys; all 0 where every key is masked.

    Args:
        scores: Shape ``(…, keys)``.
        mask: True where there is a key, broadcast to the shape of ``scores``.

    Returns:
        Weights in float32, shape ``(…, keys)``.

    Example:
        >>> masked_softmax(torch.zeros(3), torch.tensor([True, True, False]))
        tensor([0.5000, 0.5000, 0.0000])
    """
    wide = scores.float()
    # the lowest finite number, since -inf would make a row without keys NaN
    return wide.masked_fill(~mask, torch.finfo(wide.dtype).min).softmax(-1) * mask
