"""Pretrained speech models: from the hub, the package index or a folder, or with random weights.

A checkpoint is loaded completely or not at all.
"""

import re
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, cast

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModel, PretrainedConfig, PreTrainedModel
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from unmask.errors import WeightsError
from unmask.models.backbones.checkpoint_keys import describe_mismatch
from unmask.models.backbones.filterbank import init_sinc_filters
from unmask.models.backbones.hub import download_files
from unmask.models.backbones.registry.catalog import is_network
from unmask.models.backbones.registry.store import fetch_backbone
from unmask.models.backbones.spectral_voice import SpectralVoiceConfig
from unmask.models.backbones.speech_backbones import BACKBONES

WAV2VEC2, WHISPER = "wav2vec2", "whisper"
SPECTRAL = "spectral"  # value of model.voice_backbone
WAV2VEC2_BASE = "facebook/wav2vec2-base"
FILES = ["config.json", "model*.safetensors", "model.safetensors.index.json", "pytorch_model.bin"]
# no SpecAugment, no skipped layers, no lower rate: the detector has its own dropout
OVERRIDES = {
    "mask_time_prob": 0.0,
    "mask_feature_prob": 0.0,
    "layerdrop": 0.0,
    "add_adapter": False,
}
WHISPER_OVERRIDES = {"encoder_layerdrop": 0.0}
UNUSED_WEIGHTS = {"masked_spec_embed"}  # of SpecAugment
# what a checkpoint may have beside the encoder: the decoder, and heads of pretraining and tasks
HEADS = re.compile(
    r"(model\.)?(decoder|adapter|quantizer|project_hid|project_q|proj_out|final_proj|lm_head"
    r"|label_embs_concat|masked_spec_embed|projector|classifier|layer_weights|tdnn|objective)\b"
    r"|\w+\.(masked_spec_embed|adapter)\b|feature_extractor\.(weight|bias)$"
)
WHISPER_KEYS = {r"^(model\.)?encoder\.": ""}  # names of the whole model → of its encoder
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


def load_voice(backbone: str, weights: str) -> PreTrainedModel:
    """Return a speech model.

    Args:
        backbone: ``tiny``, ``spectral``, a name of :mod:`.registry` or on the hub, or a folder.
        weights: ``pretrained`` or ``random``; random weights of wav2vec2-base and ``tiny`` need
            neither hub nor folder, and ``spectral`` has none.

    Raises:
        WeightsError: The weights or their configuration are not available, of a type that
            :data:`unmask.models.backbones.speech_backbones.BACKBONES` does not list, or do not fit
            the model that the configuration describes.
    """
    if (own := _build_own(backbone)) is not None:
        return own
    if weights == "random" and backbone == WAV2VEC2_BASE:
        return voice_from_config({})
    if is_network(backbone):
        folder = fetch_backbone(backbone, "model.voice_backbone").folder
    else:
        folder = Path(backbone)
    if not folder.is_dir():
        folder = download_files(backbone, FILES, "model.voice_backbone")
    try:
        config = _read_config(backbone, folder)
        if weights == "random":
            return _build(config)
        return _read_model(backbone, folder, config)
    except UnpicklingError as error:
        raise WeightsError(
            f"{backbone}: pytorch_model.bin holds more than weights, which could run code, and is "
            "not loaded; use a checkpoint in safetensors"
        ) from error
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise WeightsError(
            f"{backbone}: contains no weights of a speech model ({str(error)[:300]}); correct "
            "model.voice_backbone, or use profile demo"
        ) from error


def _build_own(backbone: str) -> PreTrainedModel | None:
    """Return a model of this project, which no checkpoint belongs to."""
    if backbone == SPECTRAL:
        return _build(SpectralVoiceConfig())
    if backbone != "tiny":
        return None
    tiny = voice_from_config(TINY_CONFIG)
    init_sinc_filters(cast(Any, tiny).feature_extractor.conv_layers[0].conv)
    return tiny


def voice_from_config(config: dict[str, Any]) -> PreTrainedModel:
    """Return a model with random weights, without any download.

    Args:
        config: Values of the configuration; ``model_type`` is wav2vec2 unless it says otherwise.
    """
    values = dict(config)
    kind = values.pop("model_type", WAV2VEC2)
    return _build(AutoConfig.for_model(kind, **{**values, **_overrides(kind)}))


def _read_config(name: str, folder: Path) -> PretrainedConfig:
    values, _ = PretrainedConfig.get_config_dict(folder, local_files_only=True)
    if (kind := values.pop("model_type", None)) is None:
        raise OSError("no config.json that names the type of the model")
    if kind not in BACKBONES:
        raise WeightsError(
            f"{name}: is a model of type {kind}; model.voice_backbone takes {', '.join(BACKBONES)}"
        )
    config: PretrainedConfig = AutoConfig.for_model(kind, **{**values, **_overrides(kind)})
    return config


def _overrides(kind: str) -> dict[str, Any]:
    if kind == SpectralVoiceConfig.model_type:
        return {}
    return WHISPER_OVERRIDES if kind == WHISPER else OVERRIDES


def _build(config: PretrainedConfig) -> PreTrainedModel:
    if config.model_type == WHISPER:
        return WhisperEncoder(config)
    model: PreTrainedModel = AutoModel.from_config(config, dtype=torch.float32)
    return model


def _read_model(name: str, folder: Path, config: PretrainedConfig) -> PreTrainedModel:
    """Load a checkpoint.

    Raises:
        WeightsError: Weights are missing, or the checkpoint has weights of another encoder.
    """
    is_whisper = config.model_type == WHISPER
    model, report = (WhisperEncoder if is_whisper else AutoModel).from_pretrained(
        folder,
        config=config,
        dtype=torch.float32,
        local_files_only=True,
        key_mapping=WHISPER_KEYS if is_whisper else None,
        output_loading_info=True,
    )
    missing = set(report["missing_keys"]) - UNUSED_WEIGHTS
    foreign = {key for key in report["unexpected_keys"] if not HEADS.match(key)}
    if mismatch := describe_mismatch(missing, foreign):
        raise WeightsError(
            f"{name}: does not fit a {config.model_type} encoder: {mismatch}; use a checkpoint "
            "of the whole encoder whose config.json belongs to it"
        )
    loaded: PreTrainedModel = model
    return loaded
