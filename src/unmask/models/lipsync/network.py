"""Lip-sync network: two small towers that embed mouth and sound in a common space.

Chung & Zisserman, "Out of time: automated lip sync in the wild", ACCV Workshops 2016: each tower
embeds half a second, of mouth crops or of sound, and the embeddings agree where the two are in
sync. Trained with many candidates per window, as in Chung, Chung & Kang, "Perfect match: improved
cross-modal embeddings for audio-visual synchronisation", ICASSP 2019, on genuine footage only.
"""

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unmask.models.backbones.filterbank import mel_filterbank
from unmask.models.layers.pooling import AveragePool
from unmask.models.layers.spectrum import power_spectrum, sliding_windows
from unmask.models.lipsync.sliding import sliding_mean
from unmask.models.lipsync.towers import LipSyncTowers
from unmask.models.lipsync.windows import WINDOW_TICKS

HOPS_PER_TICK = 4  # 10 ms at 25 ticks a second
FFT_SAMPLES = 512
MEL_BANDS = 40
POWER_FLOOR = 1e-3  # of a band's power, as a share of the mean; below it is silence
FIRST_KERNEL = 5  # over time; the second covers the rest of a window
NORM_S = 4.0  # span around each moment by which mouths and sound are normalised
# grey levels; crops of less contrast are empty and are not amplified
MIN_CONTRAST_LEVELS = 2.0


class SyncNet(LipSyncTowers):
    """Towers for mouth and sound, and the constants of the score mapping.

    The towers are convolutional over time: they take spans of any length and return one embedding
    of unit length per window.

    Args:
        dim: Length of the embeddings.
        rate_hz: Ticks per second; ``16000 / (4 * rate_hz)`` must be whole.
        norm_s: Span around each moment whose means are subtracted, so that no embedding depends on
            what is shown or said further away than that; ``None`` for the whole span, as in
            networks of before version 0.3.
    """

    bands: Tensor
    window: Tensor

    def __init__(self, dim: int = 64, rate_hz: float = 25.0, norm_s: float | None = NORM_S) -> None:
        super().__init__(dim, rate_hz)
        self.norm_s = norm_s
        self.norm_ticks = None if norm_s is None else round(norm_s * rate_hz / 2)
        self.mouth = _mouth_layers(dim)
        self.mouth_time = _over_time(dim, dim)
        self.sound = nn.Sequential(
            nn.Conv1d(MEL_BANDS, dim, 5, padding=2),
            nn.GELU(),
            nn.Conv1d(dim, dim, HOPS_PER_TICK, stride=HOPS_PER_TICK),
            nn.GELU(),
        )
        self.sound_time = _over_time(dim, dim)
        self.log_scale = nn.Parameter(torch.tensor(math.log(10.0)))
        bands = torch.from_numpy(mel_filterbank(MEL_BANDS, FFT_SAMPLES).astype(np.float32))
        self.register_buffer("bands", bands, persistent=False)
        self.register_buffer("window", torch.hann_window(FFT_SAMPLES), persistent=False)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "SyncNet":
        """Return the architecture with random weights."""
        return cls(config["dim"], config["rate_hz"], config.get("norm_s"))

    @property
    def config(self) -> dict[str, Any]:
        """Plain values for :meth:`from_config`."""
        return {"dim": self.dim, "rate_hz": self.rate_hz, "norm_s": self.norm_s}

    def embed_mouths(self, mouths: Tensor) -> Tensor:
        """Embed each window of mouth crops.

        Args:
            mouths: Grey crops of consecutive ticks, shape ``(B, T, crop, crop)``. Their mean over
                ``norm_s``, the person's appearance, is subtracted first.

        Returns:
            Shape ``(B, T - 12, dim)``; the first window's middle is tick 6.
        """
        x = mouths.float()
        x = x - sliding_mean(x, self.norm_ticks)
        if self.norm_ticks is None:
            spread = x.std(dim=(1, 2, 3), keepdim=True)
        else:
            power = x.square().mean(dim=(2, 3), keepdim=True)
            spread = sliding_mean(power, self.norm_ticks).sqrt()
        x = x / spread.clamp(min=MIN_CONTRAST_LEVELS)
        change = torch.cat([torch.zeros_like(x[:, :1]), x[:, 1:] - x[:, :-1]], dim=1)
        frames = torch.stack([x, change], dim=2).flatten(0, 1)  # (B·T, 2, crop, crop)
        vectors = self.mouth(frames).unflatten(0, x.shape[:2])  # (B, T, dim)
        return self._unit(self.mouth_time(vectors.transpose(1, 2)))

    def embed_audio(self, waveform: Tensor) -> Tensor:
        """Embed each window of sound.

        Args:
            waveform: 16 kHz mono from tick 0 on, shape ``(B, samples)``. The mean log spectrum
                over ``norm_s``, which carries loudness and room, is subtracted first.

        Returns:
            Shape ``(B, T - 12, dim)`` for the ``T`` whole ticks of sound.
        """
        features = self.sound(self._mel(waveform))  # (B, dim, T)
        return self._unit(self.sound_time(features))

    def _mel(self, waveform: Tensor) -> Tensor:
        """Return log power in mel bands, ``HOPS_PER_TICK`` per tick, shape ``(B, bands, 4·T)``."""
        hop = self.tick_samples // HOPS_PER_TICK
        ticks = waveform.shape[1] // self.tick_samples
        padded = F.pad(waveform, (FFT_SAMPLES // 2, FFT_SAMPLES // 2))
        windows = sliding_windows(padded, FFT_SAMPLES, hop)[:, : ticks * HOPS_PER_TICK]
        power = power_spectrum(windows * self.window, FFT_SAMPLES) @ self.bands.T  # (B, 4·T, bands)
        reach = None if self.norm_ticks is None else self.norm_ticks * HOPS_PER_TICK
        mean = sliding_mean(power.mean(dim=2, keepdim=True), reach).clamp(min=1e-10)
        level = torch.log(power / mean + POWER_FLOOR)
        return (level - sliding_mean(level, reach)).transpose(1, 2)

    @staticmethod
    def _unit(x: Tensor) -> Tensor:
        return F.normalize(x.transpose(1, 2), dim=2)


def _mouth_layers(dim: int) -> nn.Sequential:
    """Map one frame and its change, ``(frames, 2, crop, crop)``, to ``(frames, dim)``."""
    widths = (2, 12, 24, 48)
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        kernel, padding = (5, 2) if inputs == 2 else (3, 1)
        layers += [
            nn.Conv2d(inputs, outputs, kernel, stride=2, padding=padding),
            nn.GroupNorm(4, outputs),
            nn.GELU(),
        ]
    pool = AveragePool(6)  # any crop size
    return nn.Sequential(*layers, pool, nn.Flatten(), nn.Linear(48 * 36, dim), nn.GELU())


def _over_time(dim: int, out_dim: int) -> nn.Sequential:
    """Map the ticks of a window to one vector by convolutions without padding."""
    second = nn.Conv1d(dim, out_dim, WINDOW_TICKS + 1 - FIRST_KERNEL)
    return nn.Sequential(nn.Conv1d(dim, dim, FIRST_KERNEL), nn.GELU(), second)
