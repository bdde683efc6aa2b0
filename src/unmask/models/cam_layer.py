"""CAM layer: the layer of a frame backbone at which heat maps are computed and tested.

For a convolutional network, the deepest layer with at least ``MIN_CELLS`` cells per side. For a
vision transformer, the first norm of the last block, since only the class token matters after it,
with the patch tokens as a grid.
"""

from dataclasses import dataclass
from math import isqrt
from threading import get_ident
from typing import Any

import torch
from torch import Tensor, nn

from unmask.errors import ConfigError
from unmask.models.backbones.frame_encoder import FrameEncoder

MIN_CELLS = 14  # per side


@dataclass(frozen=True, slots=True)
class CamLayer:
    """A layer whose output is a grid over the face.

    Attributes:
        name: Of the module in the backbone.
        prefix_tokens: Tokens before the patch tokens; ``None`` where the output is a map.
        channels_last: Whether a map has the shape ``(N, rows, columns, channels)``.
    """

    name: str
    prefix_tokens: int | None = None
    channels_last: bool = False

    def to_grid(self, out: Tensor) -> Tensor:
        """Return the layer's output as a map, shape ``(N, channels, rows, columns)``."""
        if self.prefix_tokens is not None:
            patches = out[:, self.prefix_tokens :].transpose(1, 2)  # (N, channels, patches)
            return patches.reshape(*patches.shape[:2], isqrt(patches.shape[2]), -1)
        return out.permute(0, 3, 1, 2) if self.channels_last else out

    def from_grid(self, grid: Tensor, out: Tensor) -> Tensor:
        """Return ``out`` with the part that :meth:`to_grid` extracts replaced by ``grid``.

        Args:
            out: Output for the same inputs as ``grid``, or for one input that all share.
        """
        if self.prefix_tokens is not None:
            patches = grid.flatten(2).transpose(1, 2)
            prefix = out[:, : self.prefix_tokens].expand(len(grid), -1, -1)
            return torch.cat([prefix, patches.to(out.dtype)], dim=1)
        return grid.permute(0, 2, 3, 1) if self.channels_last else grid.clone()


def find_cam_layer(encoder: FrameEncoder) -> CamLayer:
    """Find the layer of the encoder's backbone.

    Raises:
        ConfigError: No layer's output is a grid over the face.
    """
    model = encoder.backbone
    if hasattr(model, "num_prefix_tokens") and hasattr(model.blocks[-1], "norm1"):
        last = len(model.blocks) - 1
        return CamLayer(f"blocks.{last}.norm1", prefix_tokens=model.num_prefix_tokens)
    channels_last = getattr(model, "output_fmt", None) == "NHWC"
    candidates = [
        name
        for name, shape in _shapes(encoder)
        if len(shape) == 4 and _is_grid(shape[1:3] if channels_last else shape[2:])
    ]
    if not candidates:
        raise ConfigError(
            f"model.frame_backbone {type(model).__name__}: no layer has a map of at least "
            f"{MIN_CELLS} cells per side; analyze without evidence, or raise model.input_px"
        )
    return CamLayer(candidates[-1], channels_last=channels_last)


def _is_grid(sides: tuple[int, ...]) -> bool:
    """Return whether these are the sides of a map of a square face, with enough cells."""
    return len(sides) == 2 and sides[0] == sides[1] >= MIN_CELLS


def layer_maps(encoder: FrameEncoder, layer: CamLayer, x: Tensor) -> Tensor:
    """Return the layer's map of faces, shape ``(N, channels, rows, columns)``.

    Args:
        x: Of :meth:`FrameEncoder.to_backbone_input`, shape ``(N, channels, H, W)``.
    """
    maps: list[Tensor] = []
    owner = get_ident()

    def keep(_module: nn.Module, _args: Any, out: Tensor) -> None:
        if get_ident() == owner:
            maps.append(layer.to_grid(out).detach())

    handle = encoder.backbone.get_submodule(layer.name).register_forward_hook(keep)
    try:
        with torch.no_grad():
            encoder.run(encoder.backbone, x)
    finally:
        handle.remove()
    return maps[0]


def _shapes(encoder: FrameEncoder) -> list[tuple[str, tuple[int, ...]]]:
    """Return each module's name with the shape of its output, in order of completion."""
    shapes: list[tuple[str, tuple[int, ...]]] = []
    owner = get_ident()
    handles = []
    for name, module in encoder.backbone.named_modules():

        def record(_module: nn.Module, _args: Any, out: object, name: str = name) -> None:
            if get_ident() == owner and isinstance(out, Tensor):
                shapes.append((name, tuple(out.shape)))

        handles.append(module.register_forward_hook(record))
    try:
        with torch.no_grad():
            encoder.run(encoder.backbone, encoder.example_input())
    finally:
        for handle in handles:
            handle.remove()
    return shapes
