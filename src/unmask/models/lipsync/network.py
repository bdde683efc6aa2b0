"""Do lips and speech belong together: two small towers that meet in one space.

Chung & Zisserman, "Out of time: automated lip sync in the wild", ACCV Workshops 2016: one tower
looks at half a second of mouth, the other hears half a second of sound, and both say the same
where the two belong together. Trained on many candidates at once, as in Chung, Chung & Kang,
"Perfect match: improved cross-modal embeddings for audio-visual synchronisation", ICASSP 2019.
Genuine footage is all that it needs.
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
from unmask.records import RATE_HZ

HOPS_PER_TICK = 4  # 10 ms at 25 ticks a second
FFT_SAMPLES = 512
MEL_BANDS = 40
FLOOR = 1e-3  # of a band's power, as a share of the clip's mean: what is softer is silence
NARROW, WIDE = 5, 9  # kernels over time
REACH_TICKS = (NARROW + WIDE - 2) // 2  # a window: this many ticks to either side of its middle
WINDOW_TICKS = 2 * REACH_TICKS + 1  # 13: 0.52 s
MIN_SPREAD = 2.0  # grey levels: a crop that varies less is empty, and is not stretched to noise


class SyncNet(nn.Module):
    """Towers for lips and speech, and how their agreement is read as a score.

    The towers slide: they take a stretch of any length and give one vector of length 1 per
    window, so that neighbouring windows share what they have in common.

    Args:
        dim: Length of the vectors.
        rate_hz: Ticks per second; ``16000 / (4 * rate_hz)`` must be whole.
    """

    mapping: Tensor
    bands: Tensor
    window: Tensor

    def __init__(self, dim: int = 64, rate_hz: float = 25.0) -> None:
        super().__init__()
        self.dim, self.rate_hz = dim, rate_hz
        self.tick_samples = round(RATE_HZ / rate_hz)
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
        # How agreement becomes a score, see `sync_scoring`; fitted after the towers
        self.register_buffer("mapping", torch.tensor([1.0, 0.0, 1.0, 0.0], dtype=torch.float64))
        bands = torch.from_numpy(mel_filterbank(MEL_BANDS, FFT_SAMPLES).astype(np.float32))
        self.register_buffer("bands", bands, persistent=False)
        self.register_buffer("taper", torch.hann_window(FFT_SAMPLES), persistent=False)

    @classmethod
    def blank(cls, facts: Mapping[str, Any]) -> "SyncNet":
        """The architecture that ``facts`` describe, with random weights."""
        return cls(dim=facts["dim"], rate_hz=facts["rate_hz"])

    @property
    def facts(self) -> dict[str, Any]:
        """What :meth:`blank` needs; plain values."""
        return {"dim": self.dim, "rate_hz": self.rate_hz}

    def embed_mouths(self, mouths: Tensor) -> Tensor:
        """Say what the mouth does in each window.

        Args:
            mouths: Grey crops of consecutive ticks, shape ``(B, T, crop, crop)``; what the person
                looks like, the mean over time, is taken away first.

        Returns:
            Shape ``(B, T - 12, dim)``; the first window's middle is tick ``REACH_TICKS``.
        """
        x = mouths.float()
        x = x - x.mean(dim=1, keepdim=True)
        x = x / x.std(dim=(1, 2, 3), keepdim=True).clamp(min=MIN_SPREAD)
        change = torch.cat([torch.zeros_like(x[:, :1]), x[:, 1:] - x[:, :-1]], dim=1)
        frames = torch.stack([x, change], dim=2).flatten(0, 1)  # (B·T, 2, crop, crop)
        vectors = self.mouth(frames).unflatten(0, x.shape[:2])  # (B, T, dim)
        return self._unit(self.mouth_time(vectors.transpose(1, 2)))

    def embed_audio(self, waveform: Tensor) -> Tensor:
        """Say what is heard in each window.

        Args:
            waveform: 16 kHz mono from tick 0 on, shape ``(B, samples)``; loudness and the colour
                of the room, the mean over time, are taken away first.

        Returns:
            Shape ``(B, T - 12, dim)`` for the ``T`` whole ticks of sound.
        """
        heard = self.sound(self._mel(waveform))  # (B, dim, T)
        return self._unit(self.sound_time(heard))

    def _mel(self, waveform: Tensor) -> Tensor:
        """Log power in mel bands, ``HOPS_PER_TICK`` per tick, shape ``(B, bands, 4·T)``."""
        hop = self.tick_samples // HOPS_PER_TICK
        ticks = waveform.shape[1] // self.tick_samples
        spectrum = torch.stft(
            waveform, FFT_SAMPLES, hop, window=self.window, pad_mode="constant", return_complex=True
        )
        power = self.bands @ spectrum.abs().square()[..., : ticks * HOPS_PER_TICK]
        mean = power.mean(dim=(1, 2), keepdim=True).clamp(min=1e-10)
        level = torch.log(power / mean + FLOOR)
        return level - level.mean(dim=2, keepdim=True)

    @staticmethod
    def _unit(x: Tensor) -> Tensor:
        return F.normalize(x.transpose(1, 2), dim=2)


def _mouth_layers(dim: int) -> nn.Sequential:
    """One frame and its change, shape ``(frames, 2, 48, 48)``, to ``(frames, dim)``."""
    widths = (2, 12, 24, 48)
    layers: list[nn.Module] = []
    for wide, wider in pairwise(widths):
        layers += [
            nn.Conv2d(wide, wider, 5 if wide == 2 else 3, stride=2, padding=2 if wide == 2 else 1),
            nn.GroupNorm(4, wider),
            nn.GELU(),
        ]
    pool = nn.AdaptiveAvgPool2d(6)  # any size of crop
    return nn.Sequential(*layers, pool, nn.Flatten(), nn.Linear(48 * 36, dim), nn.GELU())


def _over_time(dim: int, out_dim: int) -> nn.Sequential:
    """A window's ticks to one vector, by convolutions that never look beyond the ends."""
    return nn.Sequential(nn.Conv1d(dim, dim, NARROW), nn.GELU(), nn.Conv1d(dim, out_dim, WIDE))
