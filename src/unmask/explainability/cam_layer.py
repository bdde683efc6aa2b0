"""The layer of a backbone at which a heat map is taken, whatever the backbone.

Of a convolutional network: the deepest whose map still has ``CELLS`` cells a side. Of a vision
transformer: the first norm of the last block, after which only the class token counts, with
its tokens laid out as a grid.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import isqrt
from threading import get_ident
from typing import Any

import torch
from torch import Tensor, nn

from unmask.errors import ConfigError

CELLS = 7  # a side; EfficientNet's last map at 224 px


@dataclass(frozen=True, slots=True)
class CamLayer:
    """A layer whose output lies over the face.

    Attributes:
        tokens_before: Tokens that stand for no place; ``None`` where the output is a map.
        channels_last: Whether a map comes as ``(N, rows, columns, channels)``.
    """

    module: nn.Module
    tokens_before: int | None = None
    channels_last: bool = False

    def grid(self, out: Tensor) -> Tensor:
        """The layer's output as a map, shape ``(N, channels, rows, columns)``."""
        if self.tokens_before is not None:
            places = out[:, self.tokens_before :].transpose(1, 2)  # (N, channels, places)
            return places.reshape(*places.shape[:2], isqrt(places.shape[2]), -1)
        return out.permute(0, 3, 1, 2) if self.channels_last else out

    def put_back(self, grid: Tensor, out: Tensor) -> Tensor:
        """``out`` with ``grid`` in the place of what :meth:`grid` took from it."""
        if self.tokens_before is not None:
            places = grid.flatten(2).transpose(1, 2)
            return torch.cat([out[:, : self.tokens_before], places], dim=1)
        return grid.permute(0, 2, 3, 1) if self.channels_last else grid.clone()


def find_cam_layer(backbone: nn.Module, run: Callable[[], object]) -> CamLayer:
    """Find the layer.

    Args:
        run: Makes the backbone look at something once.

    Raises:
        ConfigError: No layer's output lies over the face.
    """
    made: Any = backbone
    if hasattr(made, "num_prefix_tokens") and hasattr(made.blocks[-1], "norm1"):
        return CamLayer(made.blocks[-1].norm1, tokens_before=made.num_prefix_tokens)
    last = getattr(made, "output_fmt", None) == "NHWC"
    seen = [
        module
        for module, shape in _shapes(backbone, run)
        if len(shape) == 4 and min(shape[1:3] if last else shape[2:]) >= CELLS
    ]
    if not seen:
        raise ConfigError(
            f"model.frame_backbone {type(backbone).__name__}: none of its layers keeps a map of "
            f"the face of {CELLS} cells a side; analyze without evidence, or raise model.input_px"
        )
    return CamLayer(seen[-1], channels_last=last)


@contextmanager
def detach_at_layer(layer: CamLayer) -> Iterator[nn.Module]:
    """Let gradients end at the layer inside the block, in this thread alone.

    Yields:
        A module through which the layer's map goes. What lies before it keeps no activations,
        and other threads that ask the same backbone do not notice.
    """
    tap, owner = nn.Identity(), get_ident()

    def divert(_module: nn.Module, _args: Any, out: Tensor) -> Tensor | None:
        if get_ident() != owner:
            return None
        grid: Tensor = tap(layer.grid(out).detach().requires_grad_(True))
        return layer.put_back(grid, out)

    handle = layer.module.register_forward_hook(divert)
    try:
        yield tap
    finally:
        handle.remove()


def _shapes(
    backbone: nn.Module, run: Callable[[], object]
) -> list[tuple[nn.Module, tuple[int, ...]]]:
    """Each module of the backbone with the shape of its output, in order of completion."""
    shapes: list[tuple[nn.Module, tuple[int, ...]]] = []
    owner = get_ident()

    def note(module: nn.Module, _args: Any, out: object) -> None:
        if get_ident() == owner and isinstance(out, Tensor):
            shapes.append((module, tuple(out.shape)))

    handles = [module.register_forward_hook(note) for module in backbone.modules()]
    try:
        run()
    finally:
        for handle in handles:
            handle.remove()
    return shapes
