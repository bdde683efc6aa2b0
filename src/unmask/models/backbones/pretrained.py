"""Pretrained weights of backbones: from the Hugging Face hub, a local path, or random.

Frame backbones: timm (Wightman, "PyTorch Image Models", 2019). Voice: wav2vec2 (Baevski et al.,
NeurIPS 2020).
"""

from pathlib import Path
from typing import Any, cast

import timm
import torch
from huggingface_hub import constants, get_session, snapshot_download
from huggingface_hub.errors import HfHubHTTPError
from safetensors import SafetensorError
from safetensors.torch import load_file
from timm.layers import resample_abs_pos_embed
from torch import Tensor, nn
from transformers import Wav2Vec2Config, Wav2Vec2Model

from unmask.errors import WeightsError
from unmask.models.backbones.filterbank import init_sinc_filters

HUB_TIMEOUT_S = 5.0
# base of all errors of the HTTP client, whichever client the hub's release uses
TRANSPORT_ERROR: type[Exception] = HfHubHTTPError.__bases__[0]
WAV2VEC2_BASE = "facebook/wav2vec2-base"
# no SpecAugment and no skipped layers: the detector has its own dropout
NO_STOCHASTIC_REGULARISATION = {"mask_time_prob": 0.0, "mask_feature_prob": 0.0, "layerdrop": 0.0}
VOICE_ARCHITECTURES = ("wav2vec2", "hubert")  # of the same layers and names
UNUSED_WEIGHTS = {"masked_spec_embed"}  # of SpecAugment
TINY_CONFIG: dict[str, Any] = {
    "hidden_size": 64,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "intermediate_size": 128,
    # 10 ms filters every 2.5 ms, then steps of 20 ms as in the base model
    "conv_dim": (96, 64, 64, 64),
    "conv_kernel": (160, 3, 3, 2),
    "conv_stride": (40, 2, 2, 2),
    "num_feat_extract_layers": 4,
    # a norm in every layer, as in the large models: easier to train from random weights
    "feat_extract_norm": "layer",
    "do_stable_layer_norm": True,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
}


def load_frame_weights(backbone: nn.Module, name: str, weights: str) -> None:
    """Load weights into ``backbone``, the timm model ``name``, in place.

    Args:
        weights: ``random`` leaves the backbone unchanged; ``pretrained`` loads timm's weights;
            anything else is a local ``.safetensors``, ``.pth`` or ``.bin`` file, whose classifier,
            if any, is ignored.

    Raises:
        WeightsError: The weights are not available, or belong to another model.
    """
    if weights == "random":
        return
    path = Path(weights) if weights != "pretrained" else _timm_file(name)
    if not path.is_file():
        raise WeightsError(
            f"model.frame_weights is {weights}, and there is no such file; "
            "use pretrained, random or a file of weights"
        )
    try:
        if path.suffix == ".safetensors":
            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
        state = _resample_positions(state, backbone)
        backbone.load_state_dict({key: state[key] for key in backbone.state_dict()})
    except (OSError, RuntimeError, KeyError, ValueError, SafetensorError) as error:
        raise WeightsError(
            f"{path}: these are not the weights of {name} ({str(error)[:200]}); "
            "correct model.frame_weights or model.frame_backbone"
        ) from error


def _resample_positions(state: dict[str, Tensor], backbone: nn.Module) -> dict[str, Tensor]:
    """Resample a transformer's position embeddings to the input size of ``backbone``."""
    own, stored = getattr(backbone, "pos_embed", None), state.get("pos_embed")
    if own is None or stored is None or own.shape == stored.shape:
        return state
    prefix = 0 if getattr(backbone, "no_embed_class", False) else backbone.num_prefix_tokens
    grid = cast(Any, backbone).patch_embed.grid_size
    positions = resample_abs_pos_embed(stored, grid, num_prefix_tokens=cast(int, prefix))
    return {**state, "pos_embed": positions}


def load_voice(backbone: str, weights: str) -> Wav2Vec2Model:
    """Return a wav2vec2 model: ``tiny``, a name on the hub, or a local folder.

    Args:
        weights: ``pretrained`` or ``random``; random weights of the base model and ``tiny`` need
            neither hub nor folder.

    Raises:
        WeightsError: The weights or their configuration are not available.
    """
    if backbone == "tiny":
        tiny = voice_from_config(TINY_CONFIG)
        init_sinc_filters(tiny.feature_extractor.conv_layers[0].conv)
        return tiny
    if weights == "random" and backbone == WAV2VEC2_BASE:
        return voice_from_config({})
    folder = Path(backbone)
    if not folder.is_dir():
        files = ["config.json", "*.safetensors", "pytorch_model.bin"]
        folder = _download(backbone, files, "model.voice_backbone")
    try:
        model, missing = _read_voice(backbone, folder, weights == "random")
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise WeightsError(
            f"{backbone}: contains no wav2vec2 weights ({str(error)[:200]}); correct "
            "model.voice_backbone, or use profile demo"
        ) from error
    if missing:
        raise WeightsError(
            f"{backbone}: lacks {len(missing)} of the weights of a wav2vec2 encoder, such as "
            f"{min(missing)}; use a checkpoint of the whole encoder"
        )
    return model


def _read_voice(name: str, folder: Path, random: bool) -> tuple[Wav2Vec2Model, set[str]]:
    """Return the model of a folder and the names of the weights that the folder lacks.

    Raises:
        WeightsError: The folder has a model of another architecture, which would load in part.
    """
    values, _ = Wav2Vec2Config.get_config_dict(folder, local_files_only=True)
    if (kind := values.get("model_type")) is None:
        raise OSError("no config.json that names the architecture")
    if kind not in VOICE_ARCHITECTURES:
        raise WeightsError(
            f"{name}: is a model of type {kind}; model.voice_backbone takes "
            f"{' and '.join(VOICE_ARCHITECTURES)}"
        )
    config = Wav2Vec2Config.from_dict({**values, **NO_STOCHASTIC_REGULARISATION})
    if random:
        return Wav2Vec2Model(config), set()
    model, loading = Wav2Vec2Model.from_pretrained(
        folder, config=config, local_files_only=True, output_loading_info=True
    )
    return model, set(loading["missing_keys"]) - UNUSED_WEIGHTS


def voice_from_config(config: dict[str, Any]) -> Wav2Vec2Model:
    """Return a wav2vec2 model with random weights, without any download."""
    return Wav2Vec2Model(Wav2Vec2Config(**{**config, **NO_STOCHASTIC_REGULARISATION}))


def _timm_file(name: str) -> Path:
    cfg = timm.get_pretrained_cfg(name)
    if cfg is None or not cfg.hf_hub_id:
        raise WeightsError(f"timm has no pretrained weights of {name}; set model.frame_weights")
    repo = cfg.hf_hub_id
    repo = f"{repo}{cfg.architecture}.{cfg.tag}" if repo.endswith("/") else repo
    return _download(repo, ["model.safetensors"], "model.frame_weights") / "model.safetensors"


def _download(repo: str, files: list[str], setting: str) -> Path:
    """Return the folder of a hub repository, from the local cache if the hub is unreachable."""
    online = _is_hub_reachable()
    try:
        folder = Path(snapshot_download(repo, allow_patterns=files, local_files_only=not online))
    except (OSError, ValueError) as error:
        reason = "the hub refused them" if online else "the hub cannot be reached"
        raise WeightsError(
            f"the pretrained weights {repo} are not available: {reason}, and they are not in the "
            f"local cache; set {setting} to a local path, or use profile demo, which needs none"
        ) from error
    return folder


def _is_hub_reachable() -> bool:
    """Probe the hub with one short request; its own client would retry for most of a minute."""
    if constants.HF_HUB_OFFLINE:
        return False
    try:
        get_session().head(constants.ENDPOINT, timeout=HUB_TIMEOUT_S)
    except (TRANSPORT_ERROR, OSError):
        return False
    return True
