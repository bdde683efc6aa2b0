"""The voice from its raw waveform: wav2vec2, partly frozen, blind to silence.

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

SPEECH_SHARE = 0.5  # a step counts as spoken when this much of what it hears is speech
EPSILON = 1e-7  # of the variance, as in the feature extractor that wav2vec2 was trained with


@dataclass(frozen=True, slots=True)
class SharedActivations:
    """What the frozen layers made of a sound; encoders that share those layers share this.

    Attributes:
        hidden: Shape ``(B, A, hidden)``.
        seen: True where there is sound, shape ``(B, A)``; ``None`` where no row is padded.
        spoken: True where somebody speaks, shape ``(B, A)``.
    """

    hidden: Tensor
    seen: Tensor | None
    spoken: Tensor


class VoiceEncoder(nn.Module):
    """A clip alone and the same clip in a padded batch come out the same.

    Args:
        model: Pretrained or random; its convolutions, its input projection and its first
            ``frozen_layers`` layers are frozen. With 0 nothing is.
        out_dim: Length of the vector of each step.
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
        for module in self.frozen():
            module.requires_grad_(False)
        if frozen_layers:
            # else wav2vec2 asks for gradients at its input while training
            model.feature_extractor._freeze_parameters()

    def frozen(self) -> list[nn.Module]:
        """The layers that training leaves as they are."""
        if not self.frozen_layers:
            return []
        model = self.model
        first = [model.feature_extractor, model.feature_projection, model.encoder.pos_conv_embed]
        # the layers that follow read what this norm puts out
        return [*first, model.encoder.layer_norm, *model.encoder.layers[: self.frozen_layers]]

    def train(self, mode: bool = True) -> "VoiceEncoder":
        """Switch to training; the frozen part goes on without dropout."""
        super().train(mode)
        for module in self.frozen():
            module.eval()
        return self

    def forward(
        self, waveform: Tensor, sample_mask: Tensor, speech_mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Encode.

        Args:
            waveform: 16 kHz mono, shape ``(B, S)``.
            sample_mask: True where there is sound, from the left, shape ``(B, S)``.
            speech_mask: True where somebody speaks, shape ``(B, S)``; the other samples are
                zeroed, so they cannot be heard.

        Returns:
            One vector per 20 ms, shape ``(B, A, out_dim)``, zero where nobody speaks, and
            where somebody does, shape ``(B, A)``.
        """
        return self.forward_tuned(self.forward_frozen(waveform, sample_mask, speech_mask))

    def forward_frozen(
        self, waveform: Tensor, sample_mask: Tensor, speech_mask: Tensor
    ) -> SharedActivations:
        """The first half of :meth:`forward`: up to the last frozen layer."""
        short = max(self.step_samples - waveform.shape[1], 0)
        spoken = F.pad(speech_mask & sample_mask, (0, short))
        x = _normalise(F.pad(waveform, (0, short)), spoken)
        # one step at least, so that a clip without sound has something to be masked
        lengths = sample_mask.sum(1).clamp(min=self.step_samples)
        hidden, mask = self._convolved(x, lengths)
        # attention without a mask takes half the time: the case of one clip by itself
        seen = mask if bool((lengths < x.shape[1]).any()) else None
        if self.frozen_layers:
            half = lower_layers(self.model.encoder, self.frozen_layers)
            hidden = half(hidden, attention_mask=seen).last_hidden_state
        share = F.avg_pool1d(spoken.float()[:, None], self.step_samples, self.hop_samples)[:, 0]
        return SharedActivations(hidden, seen, mask & (share >= SPEECH_SHARE))

    def forward_tuned(self, trunk: SharedActivations) -> tuple[Tensor, Tensor]:
        """The second half: the layers that are this encoder's own."""
        encoder = self.model.encoder
        half = upper_layers(encoder, self.frozen_layers) if self.frozen_layers else encoder
        hidden = half(trunk.hidden, attention_mask=trunk.seen).last_hidden_state
        features = self.norm(self.project(hidden))  # (B, A, out_dim)
        return features * trunk.spoken[..., None], trunk.spoken

    def _convolved(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Wav2vec2's convolutions, with a first norm that does not see the padding."""
        padded = bool((lengths < x.shape[1]).any())
        x = x[:, None]  # (B, 1, S)
        first, *others = self.model.feature_extractor.conv_layers
        if padded and isinstance(first.layer_norm, nn.GroupNorm):
            config = self.model.config
            steps = (lengths - config.conv_kernel[0]) // config.conv_stride[0] + 1
            x = first.activation(masked_channel_norm(first.conv(x), steps, first.layer_norm))
        else:  # nothing to hide, or a large model, which norms each step by itself
            x = first(x)
        for layer in others:
            x = layer(x)
        hidden, _ = self.model.feature_projection(x.transpose(1, 2))  # (B, A, hidden)
        steps = (lengths - self.step_samples) // self.hop_samples + 1
        return hidden, torch.arange(hidden.shape[1], device=x.device) < steps[:, None]


def _normalise(waveform: Tensor, spoken: Tensor) -> Tensor:
    """Mean 0 and variance 1 over what is spoken; everything else becomes 0."""
    x = torch.where(spoken, waveform, torch.zeros_like(waveform))
    count = spoken.sum(1, keepdim=True).clamp(min=1)
    x = torch.where(spoken, x - x.sum(1, keepdim=True) / count, x)
    variance = x.square().sum(1, keepdim=True) / count
    return x / (variance + EPSILON).sqrt()


def masked_channel_norm(x: Tensor, steps: Tensor, norm: nn.GroupNorm) -> Tensor:
    """``norm`` (one group per channel) over the first ``steps`` steps of each row.

    On rows without padding this is ``norm(x)``. wav2vec2-base norms its first layer over all
    of time, so that the padding of a batch would change every score in it.

    Args:
        x: Shape ``(B, C, L)``.
        steps: Shape ``(B,)``, each at least 1.

    Returns:
        Shape ``(B, C, L)``; meaningless after a row's last step.
    """
    mask = (torch.arange(x.shape[2], device=x.device) < steps[:, None])[:, None]  # (B, 1, L)
    wide = x.float()
    count = steps[:, None, None]
    mean = torch.where(mask, wide, 0.0).sum(2, keepdim=True) / count
    variance = torch.where(mask, (wide - mean).square(), 0.0).sum(2, keepdim=True) / count
    scale = norm.weight.float()[:, None] / (variance + norm.eps).sqrt()  # (B, C, 1)
    return ((wide - mean) * scale + norm.bias.float()[:, None]).to(x.dtype)
