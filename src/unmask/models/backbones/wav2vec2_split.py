"""Wav2vec2 split: an encoder in two halves, so that layers several encoders share run once.

Wav2vec2: Baevski et al., NeurIPS 2020. Both halves run the code of Hugging Face transformers,
including masks, attention and norms.
"""

import copy
from typing import Any

from torch import Tensor, nn
from transformers.models.wav2vec2.modeling_wav2vec2 import Wav2Vec2EncoderStableLayerNorm


def lower_layers(encoder: Any, layers: int) -> Any:
    """Return the encoder up to its first ``layers`` layers, with the same weights, not copies."""
    half = _view(encoder)
    half.layers = encoder.layers[:layers]
    if _norms_last(encoder):
        half.layer_norm = nn.Identity()
    return half


def upper_layers(encoder: Any, layers: int) -> Any:
    """Return the remaining layers; their input is the output of :func:`lower_layers`."""
    half = _view(encoder)
    half.layers = encoder.layers[layers:]
    half.pos_conv_embed, half.dropout = _NoPositions(), nn.Identity()
    if not _norms_last(encoder):
        half.layer_norm = nn.Identity()
    return half


class _NoPositions(nn.Module):
    """Position embedding of zero, since the lower layers have added the positions."""

    def forward(self, hidden: Tensor) -> Tensor:
        return hidden.new_zeros(())


def _view(encoder: nn.Module) -> Any:
    view = copy.copy(encoder)
    # a separate module table, so that changing the view does not change the encoder
    view._modules = dict(encoder._modules)
    return view


def _norms_last(encoder: nn.Module) -> bool:
    """Return whether the final norm follows the layers (large models) or precedes them (base)."""
    return isinstance(encoder, Wav2Vec2EncoderStableLayerNorm)
