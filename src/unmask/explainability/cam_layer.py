"""CAM target layer: the layer of a backbone at which Grad-CAM is computed.

For a convolutional network, the deepest layer with at least ``MIN_CELLS`` cells per side
(Selvaraju et al., ICCV 2017, take the last convolution). For a vision transformer, the first norm
of the last block, since only the class token matters after it, with the patch tokens as a grid.
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
from unmask.models.backbones.frame_encoder import FrameEncoder

MIN_CELLS = 7  # per side; the size of EfficientNet's last map at 224 px


@dataclass(frozen=True, slots=True)
class CamLayer:
    """A layer whose output is a grid over the face.

    Attributes:
        prefix_tokens: Tokens before the patch tokens; ``None`` where the output is a map.
        channels_last: Whether a map has the shape ``(N, rows, columns, channels)``.
    """

    module: nn.Module
    prefix_tokens: int | None = None
    channels_last: bool = False

    def to_grid(self, out: Tensor) -> Tensor:
        """Return the layer's output as a map, shape ``(N, channels, rows, columns)``."""
        if self.prefix_tokens is not None:
            patches = out[:, self.prefix_tokens :].transpose(1, 2)  # (N, channels, patches)
            return patches.reshape(*patches.shape[:2], isqrt(patches.shape[2]), -1)
        return out.permute(0, 3, 1, 2) if self.channels_last else out

    def from_grid(self, grid: Tensor, out: Tensor) -> Tensor:
        """Return ``out`` with the part that :meth:`to_grid` extracts replaced by ``grid``."""
        if self.prefix_tokens is not None:
            patches = grid.flatten(2).transpose(1, 2)
            return torch.cat([out[:, : self.prefix_tokens], patches], dim=1)
        return grid.permute(0, 2, 3, 1) if self.channels_last else grid.clone()


def find_cam_layer(encoder: FrameEncoder, run: Callable[[], object]) -> CamLayer:
    """Find the layer of the encoder's backbone.

    Args:
        run: Runs the backbone once.

    Raises:
        ConfigError: No layer's output is a grid over the face.
    """
    model = encoder.backbone
    if hasattr(model, "num_prefix_tokens") and hasattr(model.blocks[-1], "norm1"):
        return CamLayer(model.blocks[-1].norm1, prefix_tokens=model.num_prefix_tokens)
    channels_last = getattr(model, "output_fmt", None) == "NHWC"
    candidates = [
        module
        for module, shape in _shapes(model, run)
        if len(shape) == 4 and min(shape[1:3] if channels_last else shape[2:]) >= MIN_CELLS
    ]
    if not candidates:
        raise ConfigError(
            f"model.frame_backbone {type(model).__name__}: no layer has a map of at least "
            f"{MIN_CELLS} cells per side; analyze without evidence, or raise model.input_px"
        )
    return CamLayer(candidates[-1], channels_last=channels_last)


@contextmanager
def detach_at_layer(layer: CamLayer) -> Iterator[nn.Module]:
    """Detach the graph at the layer inside the block, in this thread only.

    Yields:
        A module through which the layer's map passes. Layers before it keep no activations, and
        other threads that use the same backbone are not affected.
    """
    tap, owner = nn.Identity(), get_ident()

    def detach(_module: nn.Module, _args: Any, out: Tensor) -> Tensor | None:
        if get_ident() != owner:
            return None
        grid: Tensor = tap(layer.to_grid(out).detach().requires_grad_(True))
        return layer.from_grid(grid, out)

    handle = layer.module.register_forward_hook(detach)
    try:
        yield tap
    finally:
        handle.remove()


def _shapes(
    backbone: nn.Module, run: Callable[[], object]
) -> list[tuple[nn.Module, tuple[int, ...]]]:
    """Return each module with the shape of its output, in order of completion."""
    shapes: list[tuple[nn.Module, tuple[int, ...]]] = []
    owner = get_ident()

    def record(module: nn.Module, _args: Any, out: object) -> None:
        if get_ident() == owner and isinstance(out, Tensor):
            shapes.append((module, tuple(out.shape)))

    handles = [module.register_forward_hook(record) for module in backbone.modules()]
    try:
        run()
    finally:
        for handle in handles:
            handle.remove()
    return shapes
