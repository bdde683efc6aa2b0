"""Voice encoder: a partly frozen speech model on the waveform, with silence masked out.

wav2vec 2.0 by default: Baevski et al., "wav2vec 2.0: A Framework for Self-Supervised Learning of
Speech Representations", NeurIPS 2020. Weighted layers: Yang et al., "SUPERB: Speech processing
Universal PERformance Benchmark", Interspeech 2021.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import PreTrainedModel

from unmask.errors import ConfigError
from unmask.models.backbones.speech_backbones import BACKBONES
from unmask.records import RATE_HZ

SPEECH_SHARE = 0.5  # share of a step's receptive field that has to be speech
STEP_RATE_HZ = 50.0  # of every output; audio scores are kept at this rate
WEIGHTED = "weighted"


@dataclass(frozen=True, slots=True)
class SharedActivations:
    """Output of the frozen layers, common to encoders that share those layers.

    Attributes:
        states: Input of the first layer and output of each frozen layer, shape ``(B, A, hidden)``
            each; only the last of these unless the layers are weighted.
        attention_mask: True where there is sound, shape ``(B, A)``; ``None`` without padding.
        speech_mask: True where there is speech, shape ``(B, A)``.
    """

    states: tuple[Tensor, ...]
    attention_mask: Tensor | None
    speech_mask: Tensor


class VoiceEncoder(nn.Module):
    """Speech model and projection; padding in a batch does not change the output.

    Args:
        model: Pretrained or random, of a type that
            :data:`unmask.models.backbones.speech_backbones.BACKBONES` lists.
        frozen_layers: Number of transformer layers that are frozen, together with everything
            before the first; 0 freezes nothing.
        out_dim: Length of the output vector of each step.
        layers: ``last`` uses the output of the last layer; ``weighted`` the sum of the input of
            the first layer and the output of every layer, with learned weights (softmax).

    Attributes:
        is_linear: Whether the output is linear in fixed features: the model has no layers.

    Raises:
        ConfigError: The model gives another number of vectors per second than 50, or has fewer
            layers than are to be frozen.
    """

    def __init__(
        self, model: PreTrainedModel, frozen_layers: int, out_dim: int, layers: str = "last"
    ) -> None:
        super().__init__()
        self.model: Any = model
        self.backbone = BACKBONES[model.config.model_type](model)
        self.frozen_layers = frozen_layers
        self.project = nn.Linear(model.config.hidden_size, out_dim)
        # features without layers are their own scale, and a linear score of them can be fitted
        self.is_linear = not len(self.backbone.layers)
        self.norm = nn.Identity() if self.is_linear else nn.LayerNorm(out_dim)
        self.hop_samples, self.step_samples = self.backbone.hop_samples, self.backbone.step_samples
        rate_hz = RATE_HZ / self.hop_samples
        if rate_hz != STEP_RATE_HZ:
            raise ConfigError(
                f"model.voice_backbone gives {rate_hz:g} vectors per second; "
                f"use a model with {STEP_RATE_HZ:g}"
            )
        if frozen_layers > (count := len(self.backbone.layers)):
            raise ConfigError(
                f"model.voice_frozen_layers is {frozen_layers}, and model.voice_backbone has "
                f"{count} layers; use at most {count}"
            )
        if layers == WEIGHTED:
            self.layer_weights = nn.Parameter(torch.zeros(len(self.backbone.layers) + 1))
        self.weighted = layers == WEIGHTED
        for module in self.frozen_modules():
            module.requires_grad_(False)

    def frozen_modules(self) -> list[nn.Module]:
        """Return the modules that are not trained."""
        if not self.frozen_layers:
            return []
        return [*self.backbone.lower_modules, *self.backbone.layers[: self.frozen_layers]]

    def train(self, mode: bool = True) -> "VoiceEncoder":
        """Switch the training mode; frozen modules stay in evaluation mode."""
        super().train(mode)
        for module in self.frozen_modules():
            module.eval()
        return self

    def set_grad_checkpointing(self) -> None:
        """Recompute the activations of every layer in the backward pass."""
        # the second name is that of transformers up to 5.22
        name = "activation_checkpointing_enable"
        getattr(self.model, name, self.model.gradient_checkpointing_enable)()

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
        waveform = F.pad(waveform, (0, missing))
        # at least one step, which is masked in a clip without sound
        lengths = sample_mask.sum(1).clamp(min=self.step_samples)
        hidden, mask = self.backbone.embed(waveform, speech, lengths)
        # a single clip has no padding, and attention without a mask takes half the time
        attention_mask = mask if bool((lengths < waveform.shape[1]).any()) else None
        states = [hidden]
        if self.frozen_layers:
            states += self.backbone.run(hidden, attention_mask, slice(self.frozen_layers))
        share = F.avg_pool1d(speech.float()[:, None], self.step_samples, self.hop_samples)[:, 0]
        # a type whose steps reach beyond the last sample has one more
        share = F.pad(share, (0, max(mask.shape[1] - share.shape[1], 0)))
        whole = self.backbone.step_mask(lengths, mask.shape[1])
        kept = tuple(states if self.weighted else states[-1:])
        return SharedActivations(kept, attention_mask, whole & (share >= SPEECH_SHARE))

    def forward_tuned(self, shared: SharedActivations) -> tuple[Tensor, Tensor]:
        """Run the second half of :meth:`forward`, the layers that are not shared."""
        states, backbone = list(shared.states), self.backbone
        states += backbone.run(states[-1], shared.attention_mask, slice(self.frozen_layers, None))
        states[-1] = backbone.finish(states[-1])
        hidden = self._weigh(states) if self.weighted else states[-1]
        features = self.norm(self.project(hidden))  # (B, A, out_dim)
        return features * shared.speech_mask[..., None], shared.speech_mask

    def _weigh(self, states: list[Tensor]) -> Tensor:
        shares = self.layer_weights.softmax(0)
        total = shares[0] * states[0]
        for share, state in zip(shares[1:], states[1:], strict=True):
            total = total + share * state
        return total
