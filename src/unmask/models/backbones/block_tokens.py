"""Class tokens of a vision transformer's blocks, which describe texture rather than meaning.

The last layers of a network trained on pictures and captions tell what a picture shows; lower ones
keep how it was made. Koutlis & Papadopoulos, "Leveraging Representations from Intermediate
Encoder-blocks for Synthetic Image Detection", ECCV 2024.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from unmask.errors import ConfigError


def keep_blocks(backbone: nn.Module, blocks: Sequence[int]) -> None:
    """Remove the blocks above the last of ``blocks``, in place.

    Args:
        backbone: A vision transformer of timm with a class token.
        blocks: Numbers of blocks, from 1.

    Raises:
        ConfigError: The backbone has no such blocks, or no class token.
    """
    model: Any = backbone
    depth = len(getattr(model, "blocks", ()))
    if not hasattr(model, "forward_intermediates") or not getattr(model, "num_prefix_tokens", 0):
        raise ConfigError(
            f"model.frame_blocks: {type(backbone).__name__} is no vision transformer with a class "
            "token; choose another model.frame_backbone, or set model.frame_blocks to []"
        )
    if max(blocks) > depth:
        raise ConfigError(
            f"model.frame_blocks names block {max(blocks)}, and model.frame_backbone has {depth}; "
            f"use at most {depth}"
        )
    model.blocks = model.blocks[: max(blocks)]


def tokens_width(backbone: Any, blocks: Sequence[int]) -> int:
    """Return the length of a vector of :func:`block_tokens`."""
    return len(blocks) * int(backbone.embed_dim)


def block_tokens(backbone: Any, pixels: Tensor, blocks: Sequence[int]) -> Tensor:
    """Return the class token behind each block.

    Args:
        pixels: Normalised, shape ``(N, 3, H, W)``.
        blocks: Numbers of blocks, from 1.

    Returns:
        Shape ``(N, blocks * embed_dim)``.
    """
    outputs = backbone.forward_intermediates(
        pixels,
        indices=[block - 1 for block in blocks],
        return_prefix_tokens=True,
        output_fmt="NLC",
        intermediates_only=True,
    )
    return torch.cat([prefix[:, 0] for _, prefix in outputs], dim=1)
