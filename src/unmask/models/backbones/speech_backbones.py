"""Speech backbones: models of Hugging Face transformers, layer by layer and with padding masked.

The types that :data:`BACKBONES` lists. They differ in their input, in the positions of their
layers and in what follows the last layer; all of them give 50 vectors per second.
"""

from abc import ABC, abstractmethod
from itertools import pairwise
from math import ceil, prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import PreTrainedModel
from transformers.masking_utils import create_bidirectional_mask

from unmask.models.backbones.masked_norm import masked_channel_norm, normalise_speech
from unmask.models.backbones.speech_features import (
    HOP_SAMPLES,
    WINDOW_SAMPLES,
    kaldi_filterbank,
    whisper_log_mel,
)

NOT_ATTENDED = -1e4  # added to a score; its exponential is 0 in every precision


class SpeechBackbone(ABC):
    """A model whose layers can be run in parts.

    Args:
        model: Pretrained or random.

    Attributes:
        hop_samples: From one step to the next.
        step_samples: Part of the sound that a step is computed from; the shortest input.
    """

    hop_samples: int
    step_samples: int

    def __init__(self, model: PreTrainedModel) -> None:
        self.model: Any = model

    @property
    def layers(self) -> nn.ModuleList:
        """Transformer layers, the lowest first."""
        layers: nn.ModuleList = self.model.encoder.layers
        return layers

    @property
    @abstractmethod
    def lower_modules(self) -> list[nn.Module]:
        """Modules before the first layer."""

    @abstractmethod
    def embed(self, waveform: Tensor, speech: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return the input of the first layer.

        Args:
            waveform: 16 kHz mono, shape ``(B, S)``.
            speech: True where there is speech, shape ``(B, S)``; all other samples are ignored.
            lengths: Samples of each row, at least ``step_samples``, shape ``(B,)``.

        Returns:
            Shape ``(B, A, hidden)``; and a mask that is False in padding, shape ``(B, A)``.
        """

    def run(self, hidden: Tensor, mask: Tensor | None, part: slice) -> list[Tensor]:
        """Run some of the layers and return the output of each, shape ``(B, A, hidden)``.

        Args:
            hidden: Output of the layer before, shape ``(B, A, hidden)``.
            mask: False in padding, shape ``(B, A)``; ``None`` without padding.
            part: Which of ``layers``.
        """
        options = self._layer_options(hidden, mask)
        outputs = []
        for layer in self.layers[part]:
            hidden = layer(hidden, **options)
            hidden = hidden[0] if isinstance(hidden, tuple) else hidden
            outputs.append(hidden)
        return outputs

    def finish(self, hidden: Tensor) -> Tensor:
        """Apply what follows the last layer."""
        return hidden

    def step_mask(self, lengths: Tensor, steps: int) -> Tensor:
        """Return which steps are computed from a row's own sound alone, shape ``(B, steps)``."""
        counts = (lengths - self.step_samples) // self.hop_samples + 1
        return torch.arange(steps, device=lengths.device) < counts[:, None]

    def _layer_options(self, hidden: Tensor, mask: Tensor | None) -> dict[str, Any]:
        """Return the keyword arguments of every layer."""
        if mask is None:
            return {"attention_mask": None}
        attention_mask = create_bidirectional_mask(
            config=self.model.config, inputs_embeds=hidden, attention_mask=mask
        )
        return {"attention_mask": attention_mask}


class Wav2Vec2Backbone(SpeechBackbone):
    """wav2vec 2.0, XLS-R and HuBERT: convolutions on the waveform, scaled to variance 1.

    Baevski et al., NeurIPS 2020; Babu et al., "XLS-R", Interspeech 2022; Hsu et al., "HuBERT",
    TASLP 2021. They share layers and names.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__(model)
        strides, kernels = self.model.config.conv_stride, self.model.config.conv_kernel
        self.hop_samples = prod(strides)  # 320: 20 ms
        self.step_samples = 1 + sum(
            (kernel - 1) * prod(strides[:layer]) for layer, kernel in enumerate(kernels)
        )  # 400: 25 ms

    @property
    def lower_modules(self) -> list[nn.Module]:
        """Modules before the first layer."""
        model = self.model
        modules = [model.feature_extractor, model.feature_projection, model.encoder.pos_conv_embed]
        return modules if self._norms_last else [*modules, model.encoder.layer_norm]

    def embed(self, waveform: Tensor, speech: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return the input of the first layer, and the mask."""
        hidden = self._project(normalise_speech(waveform, speech), lengths)
        mask = self.step_mask(lengths, hidden.shape[1])
        encoder = self.model.encoder
        hidden = hidden.masked_fill(~mask[..., None], 0.0)
        hidden = hidden + encoder.pos_conv_embed(hidden)
        if not self._norms_last:
            hidden = encoder.layer_norm(hidden)
        return encoder.dropout(hidden), mask

    def finish(self, hidden: Tensor) -> Tensor:
        """Apply the last norm of a large model."""
        return self.model.encoder.layer_norm(hidden) if self._norms_last else hidden

    @property
    def _norms_last(self) -> bool:
        """Whether the last norm follows the layers (large models) or precedes them (base)."""
        return bool(self.model.config.do_stable_layer_norm)

    def _project(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Run the convolutions, with a first norm that ignores the padding."""
        padded = bool((lengths < x.shape[1]).any())
        x = x[:, None]  # (B, 1, S)
        first, *others = self.model.feature_extractor.conv_layers
        if padded and isinstance(first.layer_norm, nn.GroupNorm):
            config = self.model.config
            steps = (lengths - config.conv_kernel[0]) // config.conv_stride[0] + 1
            x = first.activation(masked_channel_norm(first.conv(x), steps, first.layer_norm))
        else:  # no padding, or a large model, which normalises each step separately
            x = first(x)
        for layer in others:
            x = layer(x)
        hidden = self.model.feature_projection(x.transpose(1, 2))  # (B, A, hidden)
        return hidden[0] if isinstance(hidden, tuple) else hidden


class WavLMBackbone(Wav2Vec2Backbone):
    """WavLM: wav2vec 2.0 with a gated bias of relative positions in every layer.

    Chen et al., "WavLM: Large-Scale Self-Supervised Pre-Training for Full Stack Speech
    Processing", JSTSP 2022. The first layer holds the bias of all layers.
    """

    def _layer_options(self, hidden: Tensor, mask: Tensor | None) -> dict[str, Any]:
        rows, steps = hidden.shape[:2]
        attention: Any = self.layers[0].attention
        bias = attention.compute_bias(steps, steps)[None]  # (1, heads, A, A)
        # a mask of its own would have another type than the bias, which torch is about to refuse;
        # the gate that the bias is multiplied with is positive
        if mask is not None:
            bias = bias.masked_fill(~mask[:, None, None], NOT_ATTENDED)
        bias = bias.expand(rows, -1, -1, -1).reshape(-1, steps, steps)
        return {"position_bias": bias}


class Wav2Vec2BertBackbone(SpeechBackbone):
    """w2v-BERT 2.0: conformer layers on pairs of filter-bank frames.

    Barrault et al., "Seamless", 2023. An adapter, which would lower the rate, is not used.
    """

    hop_samples = 2 * HOP_SAMPLES
    step_samples = WINDOW_SAMPLES + HOP_SAMPLES

    @property
    def lower_modules(self) -> list[nn.Module]:
        """Modules before the first layer."""
        return [self.model.feature_projection]

    def embed(self, waveform: Tensor, speech: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return the input of the first layer, and the mask."""
        bands = self.model.config.feature_projection_input_dim // 2
        counts = (lengths - WINDOW_SAMPLES) // HOP_SAMPLES + 1
        frames = kaldi_filterbank(waveform * speech, speech, counts, bands)
        rows, count, _ = frames.shape
        pairs = frames[:, : count // 2 * 2].reshape(rows, count // 2, 2 * bands)
        hidden, _ = self.model.feature_projection(pairs)  # (B, A, hidden)
        mask = self.step_mask(lengths, hidden.shape[1])
        return self.model.encoder.dropout(hidden.masked_fill(~mask[..., None], 0.0)), mask

    def finish(self, hidden: Tensor) -> Tensor:
        """Apply the last feed-forward layer of a model that has one."""
        ffn = self.model.intermediate_ffn
        return hidden if ffn is None else hidden + 0.5 * ffn(hidden)

    def _layer_options(self, hidden: Tensor, mask: Tensor | None) -> dict[str, Any]:
        positions = self.model.encoder.embed_positions
        return {
            **super()._layer_options(hidden, mask),
            "relative_position_embeddings": None if positions is None else positions(hidden),
            "conv_attention_mask": mask,
        }


class WhisperBackbone(SpeechBackbone):
    """Encoder of Whisper: convolutions on a log-mel spectrogram, absolute positions.

    Radford et al., ICML 2023; for forged voices: Kawa et al., "Improved DeepFake Detection Using
    Whisper Features", Interspeech 2023. Whisper itself takes windows of 30 s, the most that it has
    positions for, and fills them with silence. Here shorter sound is not filled up: it gets the
    first positions and attends to itself alone, which costs less in proportion. Longer sound is
    cut into windows of 30 s, each with the positions from the first on; none attends to another.
    """

    hop_samples = 2 * HOP_SAMPLES
    step_samples = WINDOW_SAMPLES

    @property
    def layers(self) -> nn.ModuleList:
        """Transformer layers, the lowest first."""
        layers: nn.ModuleList = self.model.layers
        return layers

    @property
    def lower_modules(self) -> list[nn.Module]:
        """Modules before the first layer."""
        return [self.model.conv1, self.model.conv2, self.model.embed_positions]

    def embed(self, waveform: Tensor, speech: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return the input of the first layer, and the mask."""
        model, frames = self.model, lengths // HOP_SAMPLES
        mel = whisper_log_mel(waveform * speech, frames, model.config.num_mel_bins)
        mask = torch.arange(mel.shape[2], device=mel.device) < frames[:, None]
        windows = self._windows(mel.shape[2], 2)
        parts = [self._convolve(mel[..., rows], mask[:, rows]) for rows in windows]
        hidden = torch.cat(parts, dim=1)  # (B, A, hidden)
        steps = torch.arange(hidden.shape[1], device=mel.device)
        hidden = hidden + model.embed_positions(steps % model.max_source_positions)
        hidden = F.dropout(hidden, p=model.dropout, training=model.training)
        return hidden, steps < ((frames + 1) // 2)[:, None]

    def run(self, hidden: Tensor, mask: Tensor | None, part: slice) -> list[Tensor]:
        """Run some of the layers, window by window."""
        outputs = [
            super(WhisperBackbone, self).run(
                hidden[:, rows], None if mask is None else mask[:, rows], part
            )
            for rows in self._windows(hidden.shape[1], 1)
        ]
        return [torch.cat(windows, dim=1) for windows in zip(*outputs, strict=True)]

    def finish(self, hidden: Tensor) -> Tensor:
        """Apply the last norm."""
        out: Tensor = self.model.layer_norm(hidden)
        return out

    def _layer_options(self, hidden: Tensor, mask: Tensor | None) -> dict[str, Any]:
        if mask is not None:
            first = torch.zeros_like(mask)
            first[:, 0] = True  # a row that ended in an earlier window has to attend to something
            mask = mask | (first & ~mask.any(1, keepdim=True))
        return super()._layer_options(hidden, mask)

    def _windows(self, length: int, per_step: int) -> list[slice]:
        """Return the windows of ``length`` positions, of which ``per_step`` make a step."""
        size = self.model.max_source_positions * per_step
        ends = [size * number for number in range(ceil(length / size))] + [length]
        return [slice(start, end) for start, end in pairwise(ends)]

    def _convolve(self, mel: Tensor, mask: Tensor) -> Tensor:
        """Map ``(B, bands, frames)`` to ``(B, steps, hidden)``; padding acts like the border."""
        model = self.model
        x = F.gelu(model.conv1(mel)).masked_fill(~mask[:, None], 0.0)
        out: Tensor = F.gelu(model.conv2(x)).transpose(1, 2)
        return out


BACKBONES: dict[str, type[SpeechBackbone]] = {
    "wav2vec2": Wav2Vec2Backbone,
    "hubert": Wav2Vec2Backbone,
    "wavlm": WavLMBackbone,
    "wav2vec2-bert": Wav2Vec2BertBackbone,
    "whisper": WhisperBackbone,
}
