"""From a detector's logits to probabilities that mean what they say.

Temperature scaling: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, with
the smoothed targets of Platt, "Probabilistic Outputs for Support Vector Machines", 1999, so
that a validation set without a single error does not ask for a temperature of zero.
"""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit

from unmask.errors import SingleClassError

TEMPERATURES = (0.05, 20.0)


@dataclass(frozen=True, slots=True)
class Guarantee:
    """What the verdict's thresholds promise, and on how many clips that rests.

    Attributes:
        fpr, fnr: Share of genuine clips that may be called fake, and of fakes genuine.
        reals, fakes: Clips that the thresholds were fitted on; 0 where they promise nothing.
    """

    fpr: float = 0.0
    fnr: float = 0.0
    reals: int = 0
    fakes: int = 0


@dataclass(frozen=True, slots=True)
class Calibration:
    """How a clip's logit is read.

    Attributes:
        temperature: Divides every logit.
        real_below: Clips below this fake probability are called real; 0 calls none so.
        fake_above: Clips above it are called fake, 1 calls none so; between the two,
            inconclusive.
        sync_weight: Of the lip-sync score in the final one, the detectors having the rest.
    """

    temperature: float = 1.0
    real_below: float = 0.5
    fake_above: float = 0.5
    sync_weight: float = 0.0
    guarantee: Guarantee = field(default_factory=Guarantee)


def calibrate(logits: NDArray[np.float64] | float, temperature: float) -> NDArray[np.float64]:
    """Fake probabilities of ``logits``, of the same shape.

    Example:
        >>> float(calibrate(2.0, temperature=2.0).round(3))
        0.731
    """
    return np.asarray(expit(np.asarray(logits, np.float64) / temperature))


def fit_temperature(logits: NDArray[np.float64], is_fake: NDArray[np.bool_]) -> float:
    """The temperature under which the labels are likeliest.

    Args:
        logits: One per validation clip, shape ``(clips,)``.
        is_fake: Shape ``(clips,)``.

    Returns:
        Within ``TEMPERATURES``.

    Raises:
        SingleClassError: All clips are genuine, or all are fake.
    """
    fakes = both_kinds(is_fake)
    reals = len(is_fake) - fakes
    wanted = np.where(is_fake, (fakes + 1) / (fakes + 2), 1 / (reals + 2))
    z = np.asarray(logits, np.float64)

    def cross_entropy(log_temperature: float) -> float:
        scaled = z / math.exp(log_temperature)
        return float((np.logaddexp(0, scaled) - wanted * scaled).mean())

    low, high = (math.log(limit) for limit in TEMPERATURES)
    # not convex in the temperature's logarithm, so the best point of a grid is refined
    grid = np.linspace(low, high, 121)
    best = int(np.argmin([cross_entropy(point) for point in grid]))
    around = (grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)])
    found = minimize_scalar(cross_entropy, bounds=around, method="bounded")
    return float(math.exp(found.x))


def both_kinds(is_fake: NDArray[np.bool_]) -> int:
    """How many are fake.

    Raises:
        SingleClassError: None is, or all are.
    """
    fakes = int(is_fake.sum())
    if not 0 < fakes < len(is_fake):
        raise SingleClassError(
            f"{fakes} of {len(is_fake)} validation clips are fake; calibration needs both kinds"
        )
    return fakes
