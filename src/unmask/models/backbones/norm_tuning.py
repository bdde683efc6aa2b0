"""Little of a large backbone tuned, the rest left as pretraining made it.

Tuning nothing but the norms of a foundation model is enough to turn it into a detector that
generalises: Yermakov et al., "Unlocking the Hidden Potential of CLIP in Generalizable Deepfake
Detection", 2025.
"""

import copy

import torch
from torch import Tensor, nn


def freeze_all_but_norms(backbone: nn.Module) -> None:
    """Freeze every parameter but those of norms, of whatever kind."""
    backbone.requires_grad_(False)
    for module in backbone.modules():
        # timm has norms of its own that share no class with torch's, but all are named so
        named = "norm" in type(module).__name__.lower()
        if named and all(parameter.ndim <= 1 for parameter in module.parameters()):
            module.requires_grad_(True)


class ParallelFlowConv(nn.Module):
    """A convolution of colour as it was, and one of flow, which starts at zero, added to it."""

    def __init__(self, colour: nn.Conv2d) -> None:
        super().__init__()
        self.colour = colour
        self.flow = copy.deepcopy(colour)
        self.flow.in_channels = 2
        self.flow.weight = nn.Parameter(torch.zeros_like(colour.weight[:, :2]))
        self.flow.bias = None

    def forward(self, x: Tensor) -> Tensor:
        """Shape ``(N, 5, H, W)``; as of the convolution itself."""
        out: Tensor = self.colour(x[:, :3]) + self.flow(x[:, 3:])
        return out
