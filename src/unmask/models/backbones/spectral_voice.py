"""Spectral texture of a voice: how levels of linear frequency bands vary, without any weights.

Neural vocoders leave a spectrum that varies otherwise than a recorded one, over time and from band
to band. Linear rather than mel bands resolve the high frequencies in which they err (Sahidullah et
al., "A Comparison of Features for Synthetic Speech Detection", Interspeech 2015). A linear layer on
these values averages to one on their statistics over the clip, which does not depend on the level,
nor on a fixed equaliser: a microphone, or the response of a room.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoConfig, AutoModel, PretrainedConfig, PreTrainedModel

from unmask.models.backbones.speech_backbones import BACKBONES, SpeechBackbone
from unmask.models.backbones.speech_features import (
    HOP_SAMPLES,
    SPEECH_SHARE,
    WINDOW_SAMPLES,
    row_mask,
)
from unmask.models.layers.spectrum import power_spectrum, sliding_windows
from unmask.records import RATE_HZ

MODEL_TYPE = "spectral_voice"
FFT_SAMPLES = 512
FLOOR = 1e-6  # of a band's power, for sound of power 1
QUIETEST = 1e-4  # root mean square below which sound is not amplified


class SpectralVoiceConfig(PretrainedConfig):
    """Configuration of :class:`SpectralVoice`.

    Args:
        bands: Overlapping triangular bands of equal width up to 8 kHz.
    """

    model_type = MODEL_TYPE

    def __init__(self, bands: int = 60, **values: Any) -> None:
        self.bands = bands
        super().__init__(**values)

    @property
    def hidden_size(self) -> int:
        """Length of a step's vector: three values a band, but for the lowest."""
        return 3 * self.bands - 1


class SpectralVoice(PreTrainedModel):
    """Running statistics that scale each value to mean 0 and variance 1; nothing is trained."""

    config_class = SpectralVoiceConfig
    supports_gradient_checkpointing = True

    def __init__(self, config: SpectralVoiceConfig) -> None:
        super().__init__(config)
        self.standardise = nn.BatchNorm1d(config.hidden_size, affine=False)

    def forward(self, features: Tensor) -> Tensor:
        """Standardise features of steps with speech, shape ``(N, hidden)``."""
        if len(features) < 2:  # no variance of its own
            norm: Any = self.standardise
            return F.batch_norm(features, norm.running_mean, norm.running_var, eps=norm.eps)
        out: Tensor = self.standardise(features)
        return out


class SpectralVoiceBackbone(SpeechBackbone):
    """Spectral texture of pairs of windows, 25 ms each; there are no layers."""

    hop_samples = 2 * HOP_SAMPLES
    step_samples = WINDOW_SAMPLES + HOP_SAMPLES

    @property
    def layers(self) -> nn.ModuleList:
        """No layers."""
        return nn.ModuleList()

    @property
    def lower_modules(self) -> list[nn.Module]:
        """Nothing that could be frozen."""
        return []

    def embed(self, waveform: Tensor, speech: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return the standardised features, zero without speech, and the mask."""
        windows = (lengths - WINDOW_SAMPLES) // HOP_SAMPLES + 1
        with torch.autocast(waveform.device.type, enabled=False):
            features, spoken = spectral_texture(
                waveform.float(), speech, windows, self.model.config.bands
            )
            if self.model.training:
                hidden = torch.zeros_like(features)
                hidden[spoken] = self.model(features[spoken])
            else:  # each step by itself
                scaled = self.model(features.flatten(0, 1)).view_as(features)
                hidden = torch.where(spoken[..., None], scaled, 0.0)
        return hidden, self.step_mask(lengths, hidden.shape[1])


def spectral_texture(
    waveform: Tensor, speech: Tensor, windows: Tensor, bands: int
) -> tuple[Tensor, Tensor]:
    """Return how the level of each band varies.

    Args:
        waveform: 16 kHz mono, shape ``(B, S)``, ``S`` at least 560.
        speech: True where there is speech, shape ``(B, S)``.
        windows: Number of windows of each row, shape ``(B,)``.
        bands: Number of bands.

    Returns:
        For each step of 20 ms the distance of every band's level, in nats, from its mean over the
        speech of the row; from that 10 ms before; and from that of the band below: shape ``(B, A,
        3 * bands - 1)``. And a mask that is True where both windows of the step are speech, shape
        ``(B, A)``.
    """
    share = F.avg_pool1d(speech.float()[:, None], WINDOW_SAMPLES, HOP_SAMPLES)[:, 0]
    spoken = (share >= SPEECH_SHARE) & row_mask(windows, share.shape[1])  # (B, windows)
    levels = _band_levels(_to_unit_power(waveform * speech, speech), bands)
    wide = spoken[..., None]
    mean = (levels * wide).sum(1, keepdim=True) / wide.sum(1, keepdim=True).clamp(min=1)
    before = torch.cat([levels[:, :1], levels[:, :-1]], dim=1)
    texture = torch.cat(
        [
            (levels - mean).abs(),
            (levels - before).abs(),
            (levels[..., 1:] - levels[..., :-1]).abs(),
        ],
        dim=2,
    )
    steps = texture.shape[1] // 2
    first, second = slice(0, 2 * steps, 2), slice(1, 2 * steps, 2)
    means = (texture[:, first] + texture[:, second]) / 2
    return means, spoken[:, first] & spoken[:, second]


def _to_unit_power(waveform: Tensor, speech: Tensor) -> Tensor:
    """Scale sound that is zero outside of speech to a root mean square of 1 in it."""
    power = waveform.square().sum(1) / speech.sum(1).clamp(min=1)
    return waveform / power.sqrt().clamp(min=QUIETEST)[:, None]


def _band_levels(waveform: Tensor, bands: int) -> Tensor:
    """Return the logarithm of each band's mean power, shape ``(B, windows, bands)``."""
    frames = sliding_windows(waveform, WINDOW_SAMPLES, HOP_SAMPLES)
    window = torch.hann_window(WINDOW_SAMPLES, periodic=False, device=waveform.device)
    power = power_spectrum(frames * window, FFT_SAMPLES)
    return ((power @ _linear_filters(bands).to(power)) + FLOOR).log()


def _linear_filters(bands: int) -> Tensor:
    """Return triangles of equal width that sum to 1 each, shape ``(frequencies, bands)``."""
    bins_hz = torch.linspace(0, RATE_HZ / 2, FFT_SAMPLES // 2 + 1)[:, None]
    edges_hz = torch.linspace(0, RATE_HZ / 2, bands + 2)
    rise = (bins_hz - edges_hz[:-2]) / edges_hz[1]
    filters = torch.minimum(rise, 2 - rise).clamp(min=0)
    return filters / filters.sum(0)


AutoConfig.register(MODEL_TYPE, SpectralVoiceConfig)
AutoModel.register(SpectralVoiceConfig, SpectralVoice)
BACKBONES[MODEL_TYPE] = SpectralVoiceBackbone
