"""Channels that cancel each other out in a mix: when they do, and with which weights they do not.

A recording may be in antiphase throughout, or in a part that was cut in from elsewhere.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MIN_POWER = 1e-4  # of that of the loudest channel
MIN_COHERENT = 0.5  # of the power of uncorrelated channels; channels that give less cancel out
BLOCK = 4096  # samples that are judged together, 0.26 s at 16 kHz
MIN_BLOCKS = 8  # of a stretch with weights of its own, 2 s; music may cancel out for shorter
SILENCE = 1e-7  # mean square of a channel

Weights = NDArray[np.float64]
Products = NDArray[np.float64]  # of all pairs of channels, summed over time; (channels, channels)


def cancels(weights: Weights, products: Products) -> bool:
    """Return whether channels cancel out, or the only one with sound has no weight."""
    energies = np.diag(products)
    uncorrelated = float(np.square(weights) @ energies)
    power = float(weights @ products @ weights)
    return power < max(MIN_COHERENT * uncorrelated, MIN_POWER * float(energies.max()))


def better_weights(weights: Weights, products: Products) -> Weights:
    """Return the weights of a mix that keeps the sound where this one cancels it out.

    Channels in antiphase to the loudest are inverted; if that does not help, the loudest stands
    alone.
    """
    loudest = int(np.argmax(np.diag(products)))
    inverted: Weights = weights * np.where(products[loudest] < 0, -1.0, 1.0)
    return np.eye(len(weights))[loudest] if cancels(inverted, products) else inverted


@dataclass(frozen=True, slots=True)
class Stretch:
    """Blocks with weights of their own.

    Attributes:
        first, last: Index of the first and the last block.
        weights: Shape ``(channels,)``.
    """

    first: int
    last: int
    weights: Weights


class StretchFinder:
    """Finds the stretches in which a mix cancels out its channels, block by block."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._sum: Products = np.zeros((len(weights), len(weights)))
        self._first = self._last = self._blocks = 0
        self._found: list[Stretch] = []

    def add(self, index: int, products: Products, samples: int) -> None:
        """Add the next block; a silent one neither ends a stretch nor counts."""
        if float(np.diag(products).max()) <= SILENCE * samples:
            return
        if not cancels(self._weights, products):
            self._end()
            return
        self._first = self._first if self._blocks else index
        self._last = index
        self._blocks += 1
        self._sum += products

    def stretches(self) -> tuple[Stretch, ...]:
        """Return all stretches of at least ``MIN_BLOCKS`` blocks with sound."""
        self._end()
        return tuple(self._found)

    def _end(self) -> None:
        if self._blocks >= MIN_BLOCKS:
            better = better_weights(self._weights, self._sum)
            self._found.append(Stretch(self._first, self._last, better))
        self._blocks = 0
        self._sum = np.zeros_like(self._sum)
