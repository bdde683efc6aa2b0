"""Norm tuning: parameter-efficient fine-tuning of a large pretrained backbone.

Yermakov et al., "Unlocking the Hidden Potential of CLIP in Generalizable Deepfake Detection", 2025:
tuning only the norms of a foundation model is enough for a detector that generalises.
"""

import copy

import torch
from torch import Tensor, nn


def freeze_all_but_norms(backbone: nn.Module) -> None:
    """Freeze every parameter except those of norm layers."""
    backbone.requires_grad_(False)
    for module in backbone.modules():
        # timm's own norm classes share no base class with torch's, but all have it in their name
        is_norm = "norm" in type(module).__name__.lower()
        if is_norm and all(parameter.ndim <= 1 for parameter in module.parameters()):
            module.requires_grad_(True)


class ParallelFlowConv(nn.Module):
    """A frozen RGB convolution plus a trainable one on optical flow, which starts at zero."""

    def __init__(self, colour: nn.Conv2d) -> None:
        super().__init__()
        self.colour = colour
        self.flow = copy.deepcopy(colour)
        self.flow.in_channels = 2
        self.flow.weight = nn.Parameter(torch.zeros_like(colour.weight[:, :2]))
        self.flow.bias = None

    def forward(self, x: Tensor) -> Tensor:
        """Map RGB and flow, ``(N, 5, H, W)``, to the sum of both convolutions."""
        out: Tensor = self.colour(x[:, :3]) + self.flow(x[:, 3:])
        return out
