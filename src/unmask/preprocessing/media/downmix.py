"""Mixing of a sound's channels down to mono, so that speech in any channel keeps its level."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from unmask.preprocessing.media.antiphase import (
    BLOCK,
    Stretch,
    StretchFinder,
    Weights,
    better_weights,
    cancels,
)

Samples = NDArray[np.float32]
MixPlan = tuple[Weights, tuple[Stretch, ...]]  # of the sound, and of parts of it

# Weights by FFmpeg's channel names. Dialogue of films is in the centre, and stands there alone;
# left and right are averaged. Low-frequency effects hold no speech.
WEIGHTS = {"FC": 1.0, "FL": 0.5, "FR": 0.5, "LFE": 0.0, "LFE2": 0.0}
SURROUND_WEIGHT = 0.25
FRONT = {"FC", "FL", "FR"}
LOUD_BLOCK = 512  # samples in which the loudest channel is looked for, 32 ms at 16 kHz
MAX_LOSS = 10**-0.45  # in power; uncorrelated channels lose half of it, which stays so
FADE = 160  # samples in which other weights take over, 10 ms at 16 kHz


class Downmix:
    """A mix of channels with fixed weights, and the statistics that show how good the mix is.

    Memory does not grow with the length of the sound.

    Args:
        weights: Weight of each channel, shape ``(channels,)``.
        stretches: Blocks of the sound with other weights.
    """

    def __init__(self, weights: Weights, stretches: Sequence[Stretch] = ()) -> None:
        self._weights, self._stretches = weights, stretches
        self._products = np.zeros((len(weights), len(weights)))
        self._mixed = 0.0  # energy of the mix
        self._loudest = 0.0  # energy of the loudest channel of each block, summed
        self._blocks = 0
        self._last_weights = weights
        self._finder = StretchFinder(weights)

    def add(self, samples: Samples) -> Samples:
        """Mix one part of the sound.

        Args:
            samples: Shape ``(time, channels)``.

        Returns:
            Shape ``(time,)``; to be multiplied by :meth:`gain` at the end of the sound.
        """
        if len(self._weights) == 1:
            return samples[:, 0]
        if not len(samples):
            return np.zeros(0, np.float32)
        self._products += samples.T @ samples
        blocks = np.add.reduceat(np.square(samples), range(0, len(samples), LOUD_BLOCK))
        self._loudest += float(blocks[:, self._weights != 0].max(axis=1).sum())
        mixed = samples @ self._weights.astype(np.float32)
        for start in range(0, len(samples), BLOCK):
            part = slice(start, start + BLOCK)
            self._mix_block(samples[part], mixed[part])
        return np.asarray(mixed)

    def _mix_block(self, samples: Samples, mixed: Samples) -> None:
        """Judge a block, and mix it again in place where it has other weights."""
        products = (samples.T @ samples).astype(np.float64)
        self._finder.add(self._blocks, products, len(samples))
        weights = self._weights_of(self._blocks)
        self._blocks += 1
        self._mixed += float(weights @ products @ weights)
        if weights is not self._weights or weights is not self._last_weights:
            mixed[:] = samples @ weights.astype(np.float32)
        if weights is not self._last_weights:
            fade = np.linspace(0, 1, min(FADE, len(samples)), dtype=np.float32)
            before = samples[: len(fade)] @ self._last_weights.astype(np.float32)
            mixed[: len(fade)] = fade * mixed[: len(fade)] + (1 - fade) * before
        self._last_weights = weights

    def _weights_of(self, block: int) -> Weights:
        for stretch in self._stretches:
            if stretch.first <= block <= stretch.last:
                return stretch.weights
        return self._weights

    def gain(self) -> float:
        """Return the factor that gives the mix the level of the channel that is loudest.

        It is 1 if the mix is not louder, and at most 4.5 dB softer: the average of equal or
        uncorrelated channels stays as it is. It is 2 if one of two channels is silent.
        """
        mixed = self._mixed
        if mixed <= 0 or MAX_LOSS * self._loudest <= mixed <= self._loudest * (1 + 1e-3):
            return 1.0
        return float(np.sqrt(self._loudest / mixed))

    def better_plan(self) -> MixPlan | None:
        """Return how to mix the same sound again if this mix loses some of it, else ``None``.

        The weights are corrected for the whole sound first, then for stretches of it.
        """
        if len(self._weights) == 1 or self._stretches:
            return None
        if cancels(self._weights, self._products):
            return better_weights(self._weights, self._products), ()
        stretches = self._finder.stretches()
        return (self._weights, stretches) if stretches else None


def role_weights(channels: Sequence[str]) -> Weights:
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
