"""Small speech models with random weights, one of each type that a detector takes."""

import torch
from transformers import AutoConfig, AutoModel
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from unmask.models.backbones.pretrained_voice import voice_from_config

WAVEFORM = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "conv_dim": [8] * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
}
LARGE = {"feat_extract_norm": "layer", "do_stable_layer_norm": True}
WHISPER = {
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 48,
    "vocab_size": 60,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 1,
}
CONFIGS = {
    "wav2vec2": {"model_type": "wav2vec2", **WAVEFORM},
    "xls-r": {"model_type": "wav2vec2", **WAVEFORM, **LARGE},
    "hubert": {"model_type": "hubert", **WAVEFORM},
    "wavlm": {"model_type": "wavlm", **WAVEFORM, "num_buckets": 16, "max_bucket_distance": 40},
    "wavlm-large": {"model_type": "wavlm", **WAVEFORM, **LARGE, "num_buckets": 16},
    "wav2vec2-bert": {
        "model_type": "wav2vec2-bert",
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 48,
        "conv_depthwise_kernel_size": 5,
    },
    "whisper": {"model_type": "whisper", **WHISPER},
}


def build_speech_model(name, seed=2, **changes):
    """Return a model in evaluation mode whose weights differ enough to be seen in its output."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = voice_from_config({**CONFIGS[name], **changes}).eval()
        for key, parameter in model.named_parameters():
            if parameter.ndim > 1 and "embed_positions" not in key:
                parameter.data.add_(torch.randn_like(parameter) * 0.1)
    return model


def save_checkpoint(name, folder, seed=3, cls=AutoModel, **changes):
    """Save a whole model of transformers, as published ones are, and return it."""
    values = {**CONFIGS[name], **changes}
    config = AutoConfig.for_model(values.pop("model_type"), **values)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = cls.from_config(config) if cls is AutoModel else cls(config)
    model.save_pretrained(folder)
    return model


def encoder_of(model):
    """Return the encoder of a whole model."""
    if model.config.model_type != "whisper" or isinstance(model, WhisperEncoder):
        return getattr(model, model.base_model_prefix, model)
    return model.get_encoder()
