"""Pretrained weights of frame backbones: from the hub, the package index, a file, or random.

The models are those of timm (Wightman, "PyTorch Image Models", 2019).
"""

import re
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from unmask.errors import WeightsError
from unmask.models.backbones.checkpoint_keys import describe_mismatch
from unmask.models.backbones.hub import download_files
from unmask.models.backbones.registry.catalog import is_network
from unmask.models.backbones.registry.entry import WEIGHTS_NAME
from unmask.models.backbones.registry.store import fetch_backbone

# names that timm gives to classifiers
HEADS = re.compile(r"(head|heads|head_dist|aux_head|fc|fc_norm|classif|classifier|last_linear)\b")


def load_frame_weights(backbone: nn.Module, name: str, weights: str) -> None:
    """Load weights into ``backbone``, the timm model ``name``, in place.

    Args:
        weights: ``random`` leaves the backbone unchanged; ``pretrained`` loads timm's weights from
            the hub; a name of :mod:`.registry` those of the package index; anything else is a local
            ``.safetensors``, ``.pth`` or ``.bin`` file. A classifier in it is ignored. A file is
            loaded completely or not at all.

    Raises:
        WeightsError: The weights are not available, or belong to another model.
    """
    if weights == "random":
        return
    path = _find_file(name, weights)
    if not path.is_file():
        raise WeightsError(
            f"model.frame_weights is {weights}, and there is no such file; "
            "use pretrained, random, a name that `unmask weights list` prints, or a file"
        )
    try:
        if path.suffix == ".safetensors":
            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
        state = _resample_positions(state, backbone)
        own = backbone.state_dict().keys()
        state = {key: value for key, value in state.items() if key in own or not HEADS.match(key)}
        if mismatch := describe_mismatch(own - state.keys(), state.keys() - own):
            raise ValueError(mismatch)
        backbone.load_state_dict(state)
    except (OSError, RuntimeError, KeyError, ValueError, SafetensorError, UnpicklingError) as error:
        raise WeightsError(
            f"{path}: these are not the weights of {name} ({str(error)[:300]}); "
            "correct model.frame_weights or model.frame_backbone"
        ) from error


def _resample_positions(state: dict[str, Tensor], backbone: nn.Module) -> dict[str, Tensor]:
    """Resample a transformer's position embeddings to the input size of ``backbone``."""
    own, stored = getattr(backbone, "pos_embed", None), state.get("pos_embed")
    if own is None or stored is None or own.shape == stored.shape:
        return state
    from timm.layers import resample_abs_pos_embed

    prefix = 0 if getattr(backbone, "no_embed_class", False) else backbone.num_prefix_tokens
    grid = cast(Any, backbone).patch_embed.grid_size
    positions = resample_abs_pos_embed(stored, grid, num_prefix_tokens=cast(int, prefix))
    return {**state, "pos_embed": positions}


def _find_file(name: str, weights: str) -> Path:
    if weights == "pretrained":
        return _timm_file(name)
    if is_network(weights):
        return fetch_backbone(weights, "model.frame_weights").folder / WEIGHTS_NAME
    return Path(weights)


def _timm_file(name: str) -> Path:
    import timm

    cfg = timm.get_pretrained_cfg(name)
    if cfg is None or not cfg.hf_hub_id:
        raise WeightsError(f"timm has no pretrained weights of {name}; set model.frame_weights")
    repo = cfg.hf_hub_id
    repo = f"{repo}{cfg.architecture}.{cfg.tag}" if repo.endswith("/") else repo
    return download_files(repo, ["model.safetensors"], "model.frame_weights") / "model.safetensors"
