"""Attention that copes with nothing to attend to.

Vaswani et al., "Attention Is All You Need", NeurIPS 2017.
"""

import torch
from torch import Tensor

MOST_HEADS = 8
HEAD_WIDTH = 16  # a head narrower than this tells little apart


def num_heads(width: int) -> int:
    """The most heads, up to ``MOST_HEADS``, that share ``width`` evenly and are not too narrow.

    Example:
        >>> heads_of(512), heads_of(64), heads_of(8)
        (8, 4, 1)
    """
    most = max(min(MOST_HEADS, width // HEAD_WIDTH), 1)
    return next(heads for heads in range(most, 0, -1) if width % heads == 0)


def masked_softmax(scores: Tensor, mask: Tensor) -> Tensor:
    """Weights over the last axis, 0 where the mask is False; all 0 where it keeps nothing.

    Args:
        scores: Shape ``(…, keys)``.
        mask: True where there is a key, broadcast to the shape of ``scores``.

    Returns:
        float32, whatever the scores are.

    Example:
        >>> masked_softmax(torch.zeros(3), torch.tensor([True, True, False]))
        tensor([0.5000, 0.5000, 0.0000])
    """
    wide = scores.float()
    # the lowest number and not -inf, from which a row without keys would become NaN
    return wide.masked_fill(~mask, torch.finfo(wide.dtype).min).softmax(-1) * mask
