"""Estimates with confidence intervals."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NO_INTERVAL = "one identity, no interval"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measured value with its confidence interval.

    Attributes:
        low, high: Ends of the interval; ``None`` where all clips are of one identity, which
            leaves nothing to resample.
    """

    value: float
    low: float | None
    high: float | None

    def format(self, sign: str = "") -> str:
        """Return value and interval with three decimals.

        Args:
            sign: ``+`` to write the sign of positive numbers, too.

        Example:
            >>> Estimate(0.8441, 0.7554, 0.9181).format()
            '0.844 (0.755–0.918)'
            >>> Estimate(0.02, -0.019, 0.0712).format("+")
            '+0.020 (-0.019 to +0.071)'
        """
        return f"{self.value:{sign}.3f} ({self.format_interval(sign)})"

    def format_interval(self, sign: str = "") -> str:
        """Return the interval alone, as :meth:`format` writes it."""
        if self.low is None or self.high is None:
            return NO_INTERVAL
        separator = " to " if sign or self.low < 0 else "–"
        return f"{self.low:{sign}.3f}{separator}{self.high:{sign}.3f}"

    def scaled(self, factor: float) -> "Estimate":
        """Return value and interval times a positive number."""
        ends = (None if end is None else end * factor for end in (self.low, self.high))
        return Estimate(self.value * factor, *ends)

    def to_metrics(self, name: str) -> dict[str, float]:
        """Return value and ends under ``name``, ``<name>_low`` and ``<name>_high``."""
        ends = {name: self.value, f"{name}_low": self.low, f"{name}_high": self.high}
        return {key: value for key, value in ends.items() if value is not None}


def estimate_from_resamples(
    value: float, resampled: NDArray[np.float64] | None, confidence: float
) -> Estimate:
    """Return ``value`` with the percentile interval of its resampled values.

    Args:
        resampled: Shape ``(resamples,)``; ``None`` where nothing could be resampled.
        confidence: Share of the resampled values that lies within, in ``(0, 1)``.
    """
    if resampled is None:
        return Estimate(value, None, None)
    return Estimate(value, *percentile_interval(resampled, (1 - confidence) / 2))


def percentile_interval(resampled: NDArray[np.float64], tail: float) -> tuple[float, float]:
    """Return the ends of the percentile interval of resampled values.

    Args:
        tail: Share of the values below the interval, and above it.

    Example:
        >>> percentile_interval(np.arange(101.0), 0.05)
        (5.0, 95.0)
    """
    low, high = np.quantile(resampled, [tail, 1 - tail])
    return float(low), float(high)
