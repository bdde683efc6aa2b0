"""Parameter groups of the optimiser: rates by part and depth, no decay of norms and biases.

Pretrained layers change less than new heads, and lower layers less than upper ones (layer-wise
decay: Clark et al., "ELECTRA", ICLR 2020; Bao et al., "BEiT", ICLR 2022). Low-rank adapters are new
and have the rate of the heads.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from timm.optim import param_groups_layer_decay
from torch import nn

from unmask.config import TrainingSettings
from unmask.models.backbones.lora import find_adapter_parameters
from unmask.models.detector import Detector

VOICE_LAYER = re.compile(r"^(?:encoder\.)?layers\.(\d+)\.")


def parameter_groups(detector: Detector, settings: TrainingSettings) -> list[dict[str, Any]]:
    """Return the groups of all trainable parameters for AdamW."""
    if settings.backbone_rate == settings.layer_decay == 1.0:
        return _by_decay(dict(detector.named_parameters()), settings.learning_rate, settings)
    backbones = (*_frame_groups(detector, settings), *_voice_groups(detector, settings))
    grouped = {id(parameter) for group in backbones for parameter in group["params"]}
    heads = {
        name: parameter
        for name, parameter in detector.named_parameters()
        if id(parameter) not in grouped
    }
    groups = [*backbones, *_by_decay(heads, settings.learning_rate, settings)]
    return [group for group in groups if group["params"]]


def _by_decay(
    parameters: Mapping[str, nn.Parameter], rate: float, settings: TrainingSettings
) -> list[dict[str, Any]]:
    trainable = [p for p in parameters.values() if p.requires_grad]
    decay = settings.weight_decay
    return [
        {"params": [p for p in trainable if p.ndim > 1], "lr": rate, "weight_decay": decay},
        {"params": [p for p in trainable if p.ndim <= 1], "lr": rate, "weight_decay": 0.0},
    ]


def _frame_groups(detector: Detector, settings: TrainingSettings) -> Iterator[dict[str, Any]]:
    rate = settings.learning_rate * settings.backbone_rate
    backbone = detector.frame.backbone
    adapters = {id(p) for p in find_adapter_parameters(backbone)}
    groups = param_groups_layer_decay(
        backbone, settings.weight_decay, layer_decay=settings.layer_decay
    )
    for group in groups:
        pretrained = [p for p in group["params"] if id(p) not in adapters]
        decay = {"weight_decay": group["weight_decay"]}
        yield {"params": pretrained, "lr": rate * group["lr_scale"], **decay}


def _voice_groups(detector: Detector, settings: TrainingSettings) -> Iterator[dict[str, Any]]:
    backbone = detector.voice.backbone
    rate, top = settings.learning_rate * settings.backbone_rate, len(backbone.layers)
    below = {id(p) for module in backbone.lower_modules for p in module.parameters()}
    by_depth: dict[int, dict[str, nn.Parameter]] = {}
    for name, parameter in detector.voice.model.named_parameters():
        layer = VOICE_LAYER.match(name)
        depth = int(layer[1]) + 1 if layer else 0 if id(parameter) in below else top
        by_depth.setdefault(depth, {})[name] = parameter
    for depth, parameters in by_depth.items():
        yield from _by_decay(parameters, rate * settings.layer_decay ** (top - depth), settings)
