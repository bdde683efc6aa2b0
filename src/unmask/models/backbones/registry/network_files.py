"""Networks of the registry as files: written from converted tensors, and read again."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import timm
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import (
    SpeechT5HifiGan,
    SpeechT5HifiGanConfig,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperModel,
)

from unmask.models.backbones.registry.converters import (
    aasist,
    clip_onnx,
    ctranslate2_whisper,
    hifigan,
    mesonet,
    sface_onnx,
    timm_checkpoint,
)
from unmask.models.backbones.registry.entry import (
    AASIST,
    DETECTORS,
    GRAPH_NAME,
    HIFIGAN,
    MESO_INCEPTION_4,
    SFACE,
    WEIGHTS_NAME,
    PretrainedNetwork,
)
from unmask.models.backbones.registry.onnx_network import OnnxNetwork
from unmask.models.peers.aasist import Aasist
from unmask.models.peers.mesonet import MesoNet

HEAD_DIM = 64  # of every Whisper model
DILATIONS = (1, 3, 5)  # of every residual block of HiFi-GAN V1
HIFIGAN_RATE_HZ = 22_050


def convert_network(network: PretrainedNetwork, content: bytes, folder: Path) -> None:
    """Convert a published file and write the network, see :func:`write_network`."""
    if network.model == SFACE:
        (folder / GRAPH_NAME).write_bytes(sface_onnx.read_graph(content))
    else:
        write_network(network, convert(network, content), folder)


def convert(network: PretrainedNetwork, content: bytes) -> dict[str, Tensor]:
    """Return the tensors of the published file under the names of the network here."""
    if network.converter == "clip_onnx":
        return clip_onnx.read_tensors(content)
    if network.converter == "ctranslate2_whisper":
        return ctranslate2_whisper.read_tensors(content)
    if network.converter == "hifigan":
        return hifigan.read_tensors(content)
    if network.converter == "aasist":
        return aasist.read_tensors(content)
    if network.converter == "mesonet":
        return mesonet.read_tensors(content, inception=network.model == MESO_INCEPTION_4)
    return timm_checkpoint.read_tensors(content, network.model)


def write_network(network: PretrainedNetwork, tensors: Mapping[str, Tensor], folder: Path) -> None:
    """Write the weights, for transformers with configuration and feature extractor.

    The weights of timm's networks keep their precision, Whisper's are in half precision as packed.

    Raises:
        RuntimeError: Names or shapes of the tensors are not those of the network.
    """
    save_file(dict(tensors), folder / WEIGHTS_NAME, metadata={"format": "pt"})
    if network.model == "whisper":
        _whisper_config(tensors).save_pretrained(folder)
        WhisperFeatureExtractor().save_pretrained(folder)
    elif network.model == HIFIGAN:
        _hifigan_config(tensors).save_pretrained(folder)
    read_network(network, folder)


def read_network(network: PretrainedNetwork, folder: Path) -> nn.Module:
    """Return the network with its weights in single precision, in evaluation mode."""
    if network.model == SFACE:
        return OnnxNetwork(folder / GRAPH_NAME)
    state = load_file(folder / WEIGHTS_NAME)
    if network.model == "whisper":
        model = WhisperModel(WhisperConfig.from_pretrained(folder, local_files_only=True))
        model.load_state_dict(state)
        return cast(nn.Module, model.float().encoder.eval())
    if network.model == HIFIGAN:
        config = SpeechT5HifiGanConfig.from_pretrained(folder, local_files_only=True)
        vocoder: nn.Module = SpeechT5HifiGan(config)
        vocoder.load_state_dict(state)
        return vocoder.eval()
    build = _build_detector if network.model in DETECTORS else _build_timm
    return build(network.model, state).eval()


def _build_detector(name: str, state: Mapping[str, Tensor]) -> nn.Module:
    model: nn.Module = Aasist() if name == AASIST else MesoNet(inception=name == MESO_INCEPTION_4)
    model.load_state_dict(state)
    return model


def _build_timm(name: str, state: Mapping[str, Tensor]) -> nn.Module:
    head = next(name for name in state if name in ("head.bias", "classifier.bias"))
    model: nn.Module = timm.create_model(name, pretrained=False, num_classes=len(state[head]))
    model.load_state_dict(state)
    return model


def _whisper_config(tensors: Mapping[str, Tensor]) -> WhisperConfig:
    layers = {part: _count_layers(tensors, part) for part in ("encoder", "decoder")}
    tokens, width = tensors["decoder.embed_tokens.weight"].shape
    inner = len(tensors["encoder.layers.0.fc1.bias"])
    return WhisperConfig(
        vocab_size=tokens,
        d_model=width,
        num_mel_bins=tensors["encoder.conv1.weight"].shape[1],
        encoder_layers=layers["encoder"],
        decoder_layers=layers["decoder"],
        encoder_attention_heads=width // HEAD_DIM,
        decoder_attention_heads=width // HEAD_DIM,
        encoder_ffn_dim=inner,
        decoder_ffn_dim=inner,
        max_source_positions=len(tensors["encoder.embed_positions.weight"]),
        max_target_positions=len(tensors["decoder.embed_positions.weight"]),
        pad_token_id=None,
        dtype=torch.float16,
    )


def _hifigan_config(tensors: Mapping[str, Tensor]) -> SpeechT5HifiGanConfig:
    channels, bands, _ = tensors["conv_pre.weight"].shape
    ups = len([name for name in tensors if re.fullmatch(r"upsampler\.\d+\.weight", name)])
    up_kernels = [tensors[f"upsampler.{n}.weight"].shape[2] for n in range(ups)]
    blocks = len(
        [name for name in tensors if re.fullmatch(r"resblocks\.\d+\.convs1\.0\.bias", name)]
    )
    kernels = [tensors[f"resblocks.{n}.convs1.0.weight"].shape[2] for n in range(blocks // ups)]
    return SpeechT5HifiGanConfig(
        model_in_dim=bands,
        sampling_rate=HIFIGAN_RATE_HZ,
        upsample_initial_channel=channels,
        upsample_rates=[kernel // 2 for kernel in up_kernels],
        upsample_kernel_sizes=up_kernels,
        resblock_kernel_sizes=kernels,
        resblock_dilation_sizes=[list(DILATIONS)] * len(kernels),
        leaky_relu_slope=0.1,
        normalize_before=False,
    )


def _count_layers(tensors: Mapping[str, Tensor], part: str) -> int:
    names = [name.split(".") for name in tensors if name.startswith(f"{part}.layers.")]
    return len({name[2] for name in names})
