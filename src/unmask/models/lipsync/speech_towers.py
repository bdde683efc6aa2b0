"""Lip-sync network on a frozen speech model: linear towers of maximal correlation.

Lips and loudness agree poorly; lips and what a recogniser hears agree well. The towers are linear
maps of half a second of mouth pixels, and of a layer of the speech model. They are fitted in closed
form to genuine footage, see :mod:`unmask.training.lipsync.canonical_fit`, which minutes of it
suffice for. Linear towers: Slaney & Covell, "FaceSync", NIPS 2000; Sargin et al., "Audiovisual
synchronization and fusion using canonical correlation analysis", IEEE TMM 2007. The speech model
is Whisper by default: Radford et al., ICML 2023.
"""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PreTrainedModel

from unmask.errors import ConfigError
from unmask.models.backbones.pretrained_voice import voice_from_config
from unmask.models.backbones.speech_backbones import BACKBONES
from unmask.models.backbones.voice_encoder import STEP_RATE_HZ
from unmask.models.layers.pooling import average_pool
from unmask.models.lipsync.network import MIN_CONTRAST_LEVELS
from unmask.models.lipsync.towers import LipSyncTowers
from unmask.models.lipsync.windows import REACH_TICKS

MOUTH_SIDE = 24  # crops are averaged to so many pixels a side
TAPS = 5  # ticks of a window that a tower looks at
TAP_STEP_TICKS = 2 * REACH_TICKS // (TAPS - 1)
SPEECH = "speech"  # kind in the configuration


class SpeechTowers(LipSyncTowers):
    """Linear towers on mouth pixels and on a layer of a frozen speech model.

    Args:
        voice: Speech model; layers above ``layer`` are removed.
        layer: Layer whose output is used, from 1.
        dim: Length of the embeddings.
        rate_hz: Ticks per second; a divisor of 50.
        voice_name: Where the speech model is from: a name of the registry, a hub name or a folder.

    Raises:
        ConfigError: The speech model has fewer layers, or its steps do not divide a tick.
    """

    def __init__(
        self,
        voice: PreTrainedModel,
        layer: int,
        dim: int = 12,
        rate_hz: float = 25.0,
        voice_name: str = "",
    ) -> None:
        super().__init__(dim, rate_hz)
        self.voice_name = voice_name
        if STEP_RATE_HZ % rate_hz:
            raise ConfigError(f"preprocessing.lips.rate_hz is {rate_hz:g}; use a divisor of 50")
        backbone = BACKBONES[voice.config.model_type](voice)
        if not 1 <= layer <= len(backbone.layers):
            raise ConfigError(
                f"sync.voice_layer is {layer}, and sync.voice_backbone has {len(backbone.layers)} "
                "layers"
            )
        del backbone.layers[layer:]
        self.layer, self.steps = layer, round(STEP_RATE_HZ / rate_hz)
        self.voice: Any = voice.requires_grad_(False)
        hidden = int(voice.config.hidden_size)
        self.mouth = _tower(MOUTH_SIDE**2, dim)
        self.sound = _tower(self.steps * hidden, dim)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "SpeechTowers":
        """Return the architecture with random weights, without any download."""
        voice = voice_from_config(config["voice_config"])
        name = config["voice_name"]
        return cls(voice, config["layer"], config["dim"], config["rate_hz"], name)

    @property
    def config(self) -> dict[str, Any]:
        """Plain values for :meth:`from_config`."""
        return {
            "kind": SPEECH,
            "dim": self.dim,
            "rate_hz": self.rate_hz,
            "layer": self.layer,
            "voice_name": self.voice_name,
            "voice_config": self.voice.config.to_diff_dict(),
        }

    def embed_mouths(self, mouths: Tensor) -> Tensor:
        """Embed each window of mouth crops; see :meth:`LipSyncTowers.embed_mouths`."""
        return self._embed(self.mouth, self.mouth_features(mouths))

    def embed_audio(self, waveform: Tensor) -> Tensor:
        """Embed each window of sound; see :meth:`LipSyncTowers.embed_audio`."""
        return self._embed(self.sound, self.sound_features(waveform))

    def mouth_features(self, mouths: Tensor) -> Tensor:
        """Return the pixels without their mean over time, the person's appearance.

        Args:
            mouths: Shape ``(B, T, crop, crop)``.

        Returns:
            Of standard deviation 1 over the span, shape ``(B, T, 576)``.
        """
        pixels = average_pool(mouths.float(), MOUTH_SIDE).flatten(2)
        pixels = pixels - pixels.mean(dim=1, keepdim=True)
        return pixels / pixels.std(dim=(1, 2), keepdim=True).clamp(min=MIN_CONTRAST_LEVELS)

    def sound_features(self, waveform: Tensor) -> Tensor:
        """Return the output of the layer without its mean over time.

        Args:
            waveform: 16 kHz mono, shape ``(B, samples)``.

        Returns:
            The steps of each whole tick, shape ``(B, T, steps * hidden)``.
        """
        backbone = BACKBONES[self.voice.config.model_type](self.voice)
        ticks = waveform.shape[1] // self.tick_samples
        lengths = torch.full((len(waveform),), waveform.shape[1], device=waveform.device)
        everything = torch.ones_like(waveform, dtype=torch.bool)
        with torch.no_grad():
            hidden, _ = backbone.embed(waveform, everything, lengths)
            hidden = backbone.run(hidden, None, slice(self.layer))[-1]
        missing = max(ticks * self.steps - hidden.shape[1], 0)
        hidden = F.pad(hidden.transpose(1, 2), (0, missing), mode="replicate").transpose(1, 2)
        steps = hidden[:, : ticks * self.steps].reshape(len(hidden), ticks, -1)
        return steps - steps.mean(dim=1, keepdim=True)

    @staticmethod
    def _embed(tower: nn.Conv1d, features: Tensor) -> Tensor:
        return F.normalize(tower(features.transpose(1, 2)).transpose(1, 2), dim=2)


def _tower(width: int, dim: int) -> nn.Conv1d:
    return nn.Conv1d(width, dim, TAPS, dilation=TAP_STEP_TICKS, bias=False)
