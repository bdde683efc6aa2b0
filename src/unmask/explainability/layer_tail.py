"""Layer tail: the frame encoder from one layer onward, without running the layers before it again.

A heat map and its tests score one face with dozens of maps at the same layer. What does not depend
on that layer is computed once.
"""

import copy
from collections.abc import Callable
from functools import partial
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unmask.models.backbones.frame_encoder import FrameEncoder
from unmask.models.cam_layer import CamLayer

TOLERANCE = 1e-3  # relative to the largest feature; bfloat16 rounds a batch as it does one face


class LayerTail:
    """Features of one face as a function of the map at a layer.

    The encoder itself is not changed, so other threads may use it.

    Args:
        x: The face, see :meth:`FrameEncoder.to_backbone_input`, shape ``(1, channels, H, W)``.

    Attributes:
        grid: The face's own map, shape ``(1, channels, rows, columns)``.
    """

    def __init__(self, encoder: FrameEncoder, layer: CamLayer, x: Tensor) -> None:
        self._encoder, self._x = encoder, x
        self._backbone = _copy_sharing_tensors(encoder.backbone)
        self._slot = _Slot(layer, self._backbone.get_submodule(layer.name))
        self._backbone.set_submodule(layer.name, self._slot)
        with torch.no_grad():
            outputs, expected = _record(self._backbone, layer.name, lambda: self._run(1))
            self.grid: Tensor = layer.to_grid(self._slot.out).clone()
            self._slot.grids = self.grid
            shortcuts = _prefix_shortcut(self._backbone, layer)
            shortcuts |= {name: partial(_repeat, out) for name, out in outputs.items()}
            for name, shortcut in shortcuts.items():  # hides the method, on this copy alone
                self._backbone.get_submodule(name).forward = shortcut
            differs = (self._run(1) - expected).abs().max()
        if differs > TOLERANCE * expected.abs().max():
            for name in shortcuts:
                del self._backbone.get_submodule(name).forward

    def features(self, grids: Tensor) -> Tensor:
        """Return the encoder's features with the layer's map replaced.

        Args:
            grids: Shape ``(N, channels, rows, columns)``.

        Returns:
            Shape ``(N, frame_dim)``; gradients reach ``grids``.
        """
        self._slot.grids = grids
        return self._encoder.project_features(self._run(len(grids)))

    def _run(self, times: int) -> Tensor:
        return self._encoder.run(self._backbone, self._x.expand(times, -1, -1, -1))


class _Slot(nn.Module):
    """Stands for the layer: runs it once, then returns the maps that it is given."""

    def __init__(self, layer: CamLayer, module: nn.Module) -> None:
        super().__init__()
        self.layer, self.module = layer, module
        self.grids: Tensor | None = None
        self.out: Tensor

    def forward(self, x: Tensor) -> Tensor:
        if self.grids is None:
            self.out = self.module(x)
            return self.out
        return self.layer.from_grid(self.grids, self.out)


def _repeat(out: Tensor, x: Tensor, *_args: Any, **_kwargs: Any) -> Tensor:
    """Return what a module gave for the one face, once for each input."""
    return out.expand(len(x), *out.shape[1:])


def _prefix_shortcut(backbone: nn.Module, layer: CamLayer) -> dict[str, Callable[..., Tensor]]:
    """Return a shortcut for the MLP of a vision transformer's last block, and its name.

    Where only the class token is used, the MLP of the patch tokens, two thirds of the block's
    work, changes nothing; where they are, the features differ and no shortcut is taken.
    """
    block, _, _ = layer.name.rpartition(".")
    mlp = getattr(backbone.get_submodule(block), "mlp", None)
    if layer.prefix_tokens is None or not isinstance(mlp, nn.Module):
        return {}
    return {f"{block}.mlp": partial(_on_prefix, mlp.forward, layer.prefix_tokens)}


def _on_prefix(forward: Callable[[Tensor], Tensor], tokens: int, x: Tensor) -> Tensor:
    """Return ``forward`` of the first tokens, and zeros for the others."""
    return F.pad(forward(x[:, :tokens]), (0, 0, 0, x.shape[1] - tokens))


def _copy_sharing_tensors(module: nn.Module) -> nn.Module:
    tensors = chain(module.parameters(), module.buffers())
    return copy.deepcopy(module, {id(tensor): tensor for tensor in tensors})


def _record(
    backbone: nn.Module, layer_name: str, run: Callable[[], Tensor]
) -> tuple[dict[str, Tensor], Tensor]:
    """Return the outputs of the outermost modules that are done before the layer, and of ``run``.

    Only modules that are called once, and map one face to one tensor.
    """
    calls: dict[str, list[Tensor | None]] = {}
    done: list[str] = []
    handles = []
    for name, module in backbone.named_modules():

        def keep(_module: nn.Module, args: Any, out: Any, name: str = name) -> None:
            inputs = [a for a in args[:1] if isinstance(a, Tensor) and len(a) == 1]
            is_one = bool(inputs) and isinstance(out, Tensor) and len(out) == 1
            calls.setdefault(name, []).append(out if is_one else None)
            done.append(name)

        handles.append(module.register_forward_hook(keep))
    try:
        features = run()
    finally:
        for handle in handles:
            handle.remove()
    before = done[: done.index(layer_name)]
    kept: dict[str, Tensor] = {}
    for name in before:
        outs = calls[name]
        if len(outs) == 1 and outs[0] is not None and not layer_name.startswith(f"{name}."):
            kept[name] = outs[0]
    return {name: out for name, out in kept.items() if not _has_ancestor(name, kept)}, features


def _has_ancestor(name: str, names: dict[str, Tensor]) -> bool:
    parts = name.split(".")
    return any(".".join(parts[:end]) in names for end in range(1, len(parts)))
