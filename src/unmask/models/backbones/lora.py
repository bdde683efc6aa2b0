"""Low-rank adaptation: fine-tuning of the attention of a frozen backbone.

Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", ICLR 2022; for forged faces: Kong,
Li & Wang, "Enhancing General Face Forgery Detection via Vision Transformer with Low-Rank
Adaptation", MIPR 2023.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unmask.errors import ConfigError

QUERIES = ("qkv", "q", "q_proj")  # names that timm gives to projections of attention
PROJECTIONS = (*QUERIES, "k", "v", "kv", "k_proj", "v_proj", "proj", "out_proj")


@dataclass(frozen=True, slots=True)
class Adapters:
    """Low-rank adapters of a backbone.

    Attributes:
        rank: Columns of the first matrix and rows of the second.
        alpha: Their product is scaled by ``alpha / rank``.
    """

    rank: int
    alpha: float


class AdaptedLinear(nn.Module):
    """A frozen linear layer plus a product of two small matrices, which is zero at first."""

    def __init__(self, base: nn.Linear, adapters: Adapters) -> None:
        super().__init__()
        self.base = base
        self.down = nn.Parameter(torch.empty(adapters.rank, base.in_features))
        self.up = nn.Parameter(torch.zeros(base.out_features, adapters.rank))
        self.scale = adapters.alpha / adapters.rank
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))

    @property
    def weight(self) -> Tensor:
        """The sum of both, shape ``(out, in)``; some of timm's attention reads it."""
        return self.base.weight + self.scale * (self.up @ self.down)

    @property
    def bias(self) -> Tensor | None:
        """That of the frozen layer, shape ``(out,)``."""
        return self.base.bias

    def forward(self, x: Tensor) -> Tensor:
        """Apply the sum."""
        return F.linear(x, self.weight, self.bias)

    @torch.no_grad()
    def merged(self) -> nn.Linear:
        """Return the linear layer with the product added to its weight."""
        self.base.weight.copy_(self.weight)
        return self.base


def add_adapters(backbone: nn.Module, name: str, adapters: Adapters) -> None:
    """Freeze ``backbone`` and give the projections of its attention adapters.

    Args:
        name: Of the backbone, for the error.

    Raises:
        ConfigError: The backbone has no attention.
    """
    backbone.requires_grad_(False)
    projections = dict(_attention_projections(backbone))
    if not projections:
        raise ConfigError(
            f"model.frame_backbone {name} has no attention that low-rank adapters fit; "
            "set model.trainable to all or norms"
        )
    for path, linear in projections.items():
        backbone.set_submodule(path, AdaptedLinear(linear, adapters))


def merge_adapters(backbone: nn.Module) -> None:
    """Add the products to the weights, in place; names and outputs are then those of the backbone.

    A backbone without adapters stays as it is.
    """
    for path, module in list(backbone.named_modules()):
        if isinstance(module, AdaptedLinear):
            backbone.set_submodule(path, module.merged())


def find_adapter_parameters(backbone: nn.Module) -> Iterator[nn.Parameter]:
    """Yield both matrices of each adapter of ``backbone``."""
    for module in backbone.modules():
        if isinstance(module, AdaptedLinear):
            yield from (module.down, module.up)


def _attention_projections(backbone: nn.Module) -> Iterator[tuple[str, nn.Linear]]:
    for path, module in backbone.named_modules():
        children = dict(module.named_children())
        if any(isinstance(children.get(name), nn.Linear) for name in QUERIES):
            for name in PROJECTIONS:
                if isinstance(child := children.get(name), nn.Linear):
                    yield f"{path}.{name}", child
