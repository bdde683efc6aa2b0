"""What every lip-sync network offers: embeddings of mouth and sound in a common space."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from unmask.records import RATE_HZ


class LipSyncTowers(nn.Module, ABC):
    """A tower for mouth crops, a tower for sound, and the constants of the score mapping.

    Args:
        dim: Length of the embeddings.
        rate_hz: Ticks per second; a tick is a whole number of samples of sound.
    """

    mapping: Tensor

    def __init__(self, dim: int, rate_hz: float) -> None:
        super().__init__()
        self.dim, self.rate_hz = dim, rate_hz
        self.tick_samples = round(RATE_HZ / rate_hz)
        # constants of the score mapping, see `score_mapping`; fitted after the towers
        self.register_buffer("mapping", torch.tensor([1.0, 0.0, 1.0, 0.0], dtype=torch.float64))

    @property
    @abstractmethod
    def config(self) -> dict[str, Any]:
        """Plain values for :func:`unmask.models.lipsync.architectures.towers_from_config`."""

    @abstractmethod
    def embed_mouths(self, mouths: Tensor) -> Tensor:
        """Embed each window of mouth crops.

        Args:
            mouths: Grey crops of consecutive ticks, shape ``(B, T, crop, crop)``.

        Returns:
            Unit vectors, shape ``(B, T - 12, dim)``; the first window's middle is tick 6.
        """

    @abstractmethod
    def embed_audio(self, waveform: Tensor) -> Tensor:
        """Embed each window of sound.

        Args:
            waveform: 16 kHz mono from tick 0 on, shape ``(B, samples)``.

        Returns:
            Unit vectors, shape ``(B, T - 12, dim)`` for the ``T`` whole ticks of sound.
        """

    @property
    def score_constants(self) -> NDArray[np.float64]:
        """Constants of the score mapping, shape ``(4,)``."""
        return np.asarray(self.mapping.cpu().numpy())

    def mouth_vectors(self, mouths: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See :class:`unmask.models.lipsync.scoring.LipSyncNetwork`; in evaluation mode."""
        return self._vectors(self.embed_mouths, mouths)

    def sound_vectors(self, waveform: NDArray[np.float32]) -> NDArray[np.float32]:
        """See :class:`unmask.models.lipsync.scoring.LipSyncNetwork`; in evaluation mode."""
        return self._vectors(self.embed_audio, waveform)

    def _vectors(self, embed: Callable[[Tensor], Tensor], values: Any) -> NDArray[np.float32]:
        self.eval()
        with torch.inference_mode():
            inputs = torch.from_numpy(np.array(values)).to(self.mapping.device)
            return np.asarray(embed(inputs[None])[0].cpu().numpy())
