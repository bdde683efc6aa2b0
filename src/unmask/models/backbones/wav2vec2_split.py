"""A wav2vec2 encoder cut in two, so that what several of them share runs once.

Hugging Face's own code runs in both halves: the masks, the attention and the norms are its own.
"""

import copy
from typing import Any

from torch import Tensor, nn
from transformers.models.wav2vec2.modeling_wav2vec2 import Wav2Vec2EncoderStableLayerNorm


def lower_layers(encoder: Any, layers: int) -> Any:
    """The encoder up to its first ``layers`` layers; it holds the same weights, not copies."""
    half = _view(encoder)
    half.layers = encoder.layers[:layers]
    if _norms_last(encoder):
        half.layer_norm = nn.Identity()
    return half


def upper_layers(encoder: Any, layers: int) -> Any:
    """What is left: it takes what :func:`lower` gives."""
    half = _view(encoder)
    half.layers = encoder.layers[layers:]
    half.pos_conv_embed, half.dropout = _Nothing(), nn.Identity()
    if not _norms_last(encoder):
        half.layer_norm = nn.Identity()
    return half


class _Nothing(nn.Module):
    """Adds nothing: the positions are in what comes from below."""

    def forward(self, hidden: Tensor) -> Tensor:
        return hidden.new_zeros(())


def _view(encoder: nn.Module) -> Any:
    view = copy.copy(encoder)
    # its own table of modules, so that changing the view leaves the encoder alone
    view._modules = dict(encoder._modules)
    return view


def _norms_last(encoder: nn.Module) -> bool:
    """Large models norm after their layers, the base model before them."""
    return isinstance(encoder, Wav2Vec2EncoderStableLayerNorm)
