"""Voice encoder: partly frozen wav2vec2 on the raw waveform, with silence masked out.

Baevski et al., "wav2vec 2.0: A Framework for Self-Supervised Learning of Speech
Representations", NeurIPS 2020.
"""

from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import Wav2Vec2Model

from unmask.models.backbones.wav2vec2_split import lower_layers, upper_layers

SPEECH_SHARE = 0.5  # share of a step's receptive field that has to be speech
VARIANCE_EPS = 1e-7  # added to the variance, as in the feature extractor of wav2vec2


@dataclass(frozen=True, slots=True)
class SharedActivations:
    """Output of the frozen layers, common to encoders that share those layers.

    Attributes:
        hidden: Shape ``(B, A, hidden)``.
        attention_mask: True where there is sound, shape ``(B, A)``; ``None`` without padding.
        speech_mask: True where there is speech, shape ``(B, A)``.
    """

    hidden: Tensor
    attention_mask: Tensor | None
    speech_mask: Tensor


class VoiceEncoder(nn.Module):
    """Wav2vec2 and projection; padding in a batch does not change the output.

    Args:
        model: Pretrained or random.
        frozen_layers: Number of transformer layers that are frozen, together with the
            convolutions and the input projection; 0 freezes nothing.
        out_dim: Length of the output vector of each step.
    """

    def __init__(self, model: Wav2Vec2Model, frozen_layers: int, out_dim: int) -> None:
        super().__init__()
        self.model = model
        self.frozen_layers = frozen_layers
        self.project = nn.Linear(model.config.hidden_size, out_dim)
        self.norm = nn.LayerNorm(out_dim)
        strides, kernels = model.config.conv_stride, model.config.conv_kernel
        self.hop_samples = prod(strides)  # 320: 20 ms
        self.step_samples = 1 + sum(
            (kernel - 1) * prod(strides[:layer]) for layer, kernel in enumerate(kernels)
        )  # 400: 25 ms
        for module in self.frozen_modules():
            module.requires_grad_(False)
        if frozen_layers:
            # otherwise wav2vec2 requires gradients at its input in training
            model.feature_extractor._freeze_parameters()

    def frozen_modules(self) -> list[nn.Module]:
        """Return the modules that are not trained."""
        if not self.frozen_layers:
            return []
        model = self.model
        lowest = [model.feature_extractor, model.feature_projection, model.encoder.pos_conv_embed]
        # this norm precedes the frozen layers
        return [*lowest, model.encoder.layer_norm, *model.encoder.layers[: self.frozen_layers]]

    def train(self, mode: bool = True) -> "VoiceEncoder":
        """Switch the training mode; frozen modules stay in evaluation mode."""
        super().train(mode)
        for module in self.frozen_modules():
            module.eval()
        return self

    def forward(
        self, waveform: Tensor, sample_mask: Tensor, speech_mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Encode a batch of waveforms.

        Args:
            waveform: 16 kHz mono, shape ``(B, S)``.
            sample_mask: True where there is sound, left-aligned, shape ``(B, S)``.
            speech_mask: True where there is speech, shape ``(B, S)``; all other samples are set
                to zero.

        Returns:
            One vector per 20 ms, shape ``(B, A, out_dim)``, zero without speech; and a mask that
            is True where there is speech, shape ``(B, A)``.
        """
        return self.forward_tuned(self.forward_frozen(waveform, sample_mask, speech_mask))

    def forward_frozen(
        self, waveform: Tensor, sample_mask: Tensor, speech_mask: Tensor
    ) -> SharedActivations:
        """Run the first half of :meth:`forward`, up to the last frozen layer."""
        missing = max(self.step_samples - waveform.shape[1], 0)
        speech = F.pad(speech_mask & sample_mask, (0, missing))
        x = _normalise(F.pad(waveform, (0, missing)), speech)
        # at least one step, which is masked in a clip without sound
        lengths = sample_mask.sum(1).clamp(min=self.step_samples)
        hidden, mask = self._convolved(x, lengths)
        # a single clip has no padding, and attention without a mask takes half the time
        attention_mask = mask if bool((lengths < x.shape[1]).any()) else None
        if self.frozen_layers:
            half = lower_layers(self.model.encoder, self.frozen_layers)
            hidden = half(hidden, attention_mask=attention_mask).last_hidden_state
        share = F.avg_pool1d(speech.float()[:, None], self.step_samples, self.hop_samples)[:, 0]
        return SharedActivations(hidden, attention_mask, mask & (share >= SPEECH_SHARE))

    def forward_tuned(self, shared: SharedActivations) -> tuple[Tensor, Tensor]:
        """Run the second half of :meth:`forward`, the layers that are not shared."""
        encoder = self.model.encoder
        half = upper_layers(encoder, self.frozen_layers) if self.frozen_layers else encoder
        hidden = half(shared.hidden, attention_mask=shared.attention_mask).last_hidden_state
        features = self.norm(self.project(hidden))  # (B, A, out_dim)
        return features * shared.speech_mask[..., None], shared.speech_mask

    def _convolved(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Run wav2vec2's convolutions, with a first norm that ignores the padding."""
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
        hidden, _ = self.model.feature_projection(x.transpose(1, 2))  # (B, A, hidden)
        steps = (lengths - self.step_samples) // self.hop_samples + 1
        return hidden, torch.arange(hidden.shape[1], device=x.device) < steps[:, None]


def _normalise(waveform: Tensor, speech: Tensor) -> Tensor:
    """Scale speech to mean 0 and variance 1, and set everything else to 0."""
    x = torch.where(speech, waveform, torch.zeros_like(waveform))
    count = speech.sum(1, keepdim=True).clamp(min=1)
    x = torch.where(speech, x - x.sum(1, keepdim=True) / count, x)
    variance = x.square().sum(1, keepdim=True) / count
    return x / (variance + VARIANCE_EPS).sqrt()


def masked_channel_norm(x: Tensor, steps: Tensor, norm: nn.GroupNorm) -> Tensor:
    """Apply ``norm`` (one group per channel) over the first ``steps`` steps of each row.

    On rows without padding this equals ``norm(x)``. wav2vec2-base normalises its first layer over
    all of time, so the padding of a batch would otherwise change every score in it.

    Args:
        x: Shape ``(B, C, L)``.
        steps: Shape ``(B,)``, each at least 1.

    Returns:
        Shape ``(B, C, L)``; undefined after a row's last step.
    """
    mask = (torch.arange(x.shape[2], device=x.device) < steps[:, None])[:, None]  # (B, 1, L)
    wide = x.float()
    count = steps[:, None, None]
    mean = torch.where(mask, wide, 0.0).sum(2, keepdim=True) / count
    variance = torch.where(mask, (wide - mean).square(), 0.0).sum(2, keepdim=True) / count
    scale = norm.weight.float()[:, None] / (variance + norm.eps).sqrt()  # (B, C, 1)
    return ((wide - mean) * scale + norm.bias.float()[:, None]).to(x.dtype)
