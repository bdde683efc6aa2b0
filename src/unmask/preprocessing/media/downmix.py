"""Mixing of a sound's channels down to mono, so that speech in any channel keeps its level."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

# Weights by FFmpeg's channel names. Dialogue of films is in the centre, and stands there alone;
# left and right are averaged. Low-frequency effects hold no speech.
WEIGHTS = {"FC": 1.0, "FL": 0.5, "FR": 0.5, "LFE": 0.0, "LFE2": 0.0}
SURROUND_WEIGHT = 0.25
FRONT = {"FC", "FL", "FR"}
BLOCK = 512  # samples in which the loudest channel is looked for, 32 ms at 16 kHz
MAX_LOSS = 10**-0.45  # in power; uncorrelated channels lose half of it, which stays so
MIN_POWER = 1e-4  # of that of the loudest channel
MIN_COHERENT = 0.5  # of the power of uncorrelated channels; channels that give less cancel out


class Downmix:
    """A mix of channels with fixed weights, and the statistics that show how good the mix is.

    Memory does not grow with the length of the sound.

    Args:
        weights: Weight of each channel, shape ``(channels,)``.
    """

    def __init__(self, weights: NDArray[np.float64]) -> None:
        self._weights = weights
        self._products = np.zeros((len(weights), len(weights)))
        self._loudest = 0.0  # energy of the loudest channel of each block, summed

    def add(self, samples: Samples) -> Samples:
        """Mix one part of the sound.

        Args:
            samples: Shape ``(time, channels)``.

        Returns:
            Shape ``(time,)``; to be multiplied by :meth:`gain` at the end of the sound.
        """
        if len(self._weights) == 1:
            return samples[:, 0]
        if len(samples):
            self._products += samples.T @ samples
            blocks = np.add.reduceat(np.square(samples), range(0, len(samples), BLOCK))
            self._loudest += float(blocks[:, self._weights != 0].max(axis=1).sum())
        mixed: Samples = samples @ self._weights.astype(np.float32)
        return mixed

    def gain(self) -> float:
        """Return the factor that gives the mix the level of the channel that is loudest.

        It is 1 if the mix is not louder, and at most 4.5 dB softer: the average of equal or
        uncorrelated channels stays as it is. It is 2 if one of two channels is silent.
        """
        mixed = self._power(self._weights)
        if mixed <= 0 or MAX_LOSS * self._loudest <= mixed <= self._loudest * (1 + 1e-3):
            return 1.0
        return float(np.sqrt(self._loudest / mixed))

    def corrected_weights(self) -> NDArray[np.float64] | None:
        """Return the weights of a better mix if this one loses the sound, else ``None``.

        Channels in antiphase to the loudest are inverted; if that does not help, the loudest
        stands alone.
        """
        if not self._loses(self._weights):
            return None
        loudest = int(np.argmax(np.diag(self._products)))
        weights = self._weights * np.where(self._products[loudest] < 0, -1.0, 1.0)
        return np.eye(len(weights))[loudest] if self._loses(weights) else weights

    def _loses(self, weights: NDArray[np.float64]) -> bool:
        """Return whether channels cancel out, or the only one with sound has no weight."""
        energies = np.diag(self._products)
        uncorrelated = float(np.square(weights) @ energies)
        return self._power(weights) < max(MIN_COHERENT * uncorrelated, MIN_POWER * energies.max())

    def _power(self, weights: NDArray[np.float64]) -> float:
        return float(weights @ self._products @ weights)


def role_weights(channels: Sequence[str]) -> NDArray[np.float64]:
    """Return the weight of each channel by its role, shape ``(channels,)``.

    Channels without front ones among them are averaged.

    Args:
        channels: FFmpeg's name of each channel.

    Example:
        >>> role_weights(["FL", "FR"]).tolist()
        [0.5, 0.5]
        >>> role_weights(["FL", "FR", "FC", "LFE", "SL", "SR"]).tolist()
        [0.5, 0.5, 1.0, 0.0, 0.25, 0.25]
    """
    if not FRONT.intersection(channels) or len(channels) == 1:
        return np.full(len(channels), 1 / len(channels))
    return np.array([WEIGHTS.get(name, SURROUND_WEIGHT) for name in channels])
