"""From a detector's logits to probabilities that mean what they say.

Platt scaling: "Probabilistic Outputs for Support Vector Machines", 1999. A temperature alone
(Guo et al., "On Calibration of Modern Neural Networks", ICML 2017) shrinks logits that are too
large but cannot move those that all lie on one side; it is here to be compared with. Both are
fitted to Platt's smoothed targets, so that a validation set without a single error does not
ask for a temperature of zero.
"""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit, logit

from unmask.errors import SingleClassError

TEMPERATURES = (0.05, 20.0)
CERTAIN = 1e-9  # of probability; keeps log-odds finite
EVEN = 0.5  # where there is no threshold for a stretch to stand above

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ConformalGuarantee:
    """What the verdict's thresholds promise, and on how many clips that rests.

    Attributes:
        fpr, fnr: Share of genuine clips that may be called fake, and of fakes genuine.
        reals, fakes: Clips that the thresholds were fitted on; 0 where they promise nothing.
        people: Whose clips those are; 0 where nobody said.
    """

    fpr: float = 0.0
    fnr: float = 0.0
    reals: int = 0
    fakes: int = 0
    people: int = 0


@dataclass(frozen=True, slots=True)
class SegmentThresholds:
    """Above which probability a stretch of face, voice or lip-sync stands out.

    Each is exceeded for long enough somewhere in a share ``fpr`` of genuine clips, by the same
    promise as the verdict's; one half where there were too few of them.
    """

    video: float = EVEN
    audio: float = EVEN
    lip_sync: float = EVEN


@dataclass(frozen=True, slots=True)
class Calibration:
    """How a clip's logit is read.

    Attributes:
        temperature: Divides every logit.
        bias: Added to a clip's logit after that. The heads of one modality, and of one frame
            or step, have labels of their own and go without.
        real_below: Clips below this fake probability are called real; 0 calls none so.
        fake_above: Clips above it are called fake, 1 calls none so; between the two,
            inconclusive.
        sync_weight: Of the lip-sync score in the final one, the detectors having the rest.
        alone: How the detectors' logit is read without lip-sync: of a clip in which it cannot be
            judged, and of single members. ``None`` where it is read no differently.
        alarms: What stands out along time.
    """

    temperature: float = 1.0
    real_below: float = 0.5
    fake_above: float = 0.5
    sync_weight: float = 0.0
    guarantee: ConformalGuarantee = field(default_factory=ConformalGuarantee)
    bias: float = 0.0
    alone: "Calibration | None" = None
    alarms: SegmentThresholds = field(default_factory=SegmentThresholds)

    def for_clip(self, sync_probability: float | None) -> "Calibration":
        """The one that holds for a clip with, or without, a lip-sync score."""
        return self.detectors if sync_probability is None else self

    @property
    def detectors(self) -> "Calibration":
        """The one that holds for detectors without lip-sync."""
        return self if self.alone is None else self.alone

    def log_odds(self, logits: Floats | float) -> Floats:
        """Calibrated log-odds of clips with ``logits``, of the same shape."""
        return apply_log_odds(logits, self.temperature, self.bias)

    def probability(self, logits: Floats | float) -> Floats:
        """Fake probabilities of clips with ``logits``, of the same shape."""
        return apply_platt(logits, self.temperature, self.bias)


def apply_log_odds(logits: Floats | float, temperature: float, bias: float = 0.0) -> Floats:
    """Calibrated log-odds of ``logits``, of the same shape."""
    return np.asarray(logits, np.float64) / temperature + bias


def apply_platt(logits: Floats | float, temperature: float, bias: float = 0.0) -> Floats:
    """Fake probabilities of ``logits``, of the same shape.

    Example:
        >>> float(calibrate(2.0, temperature=2.0).round(3))
        0.731
    """
    return np.asarray(expit(apply_log_odds(logits, temperature, bias)))


def clipped_logit(probabilities: Floats | float) -> Floats:
    """Log-odds of ``probabilities``, of the same shape, finite also where one is 0 or 1."""
    return np.asarray(logit(np.clip(probabilities, CERTAIN, 1 - CERTAIN)))


def fit_platt(logits: Floats, is_fake: NDArray[np.bool_]) -> tuple[float, float]:
    """Temperature and bias under which the labels are likeliest.

    Args:
        logits: One per validation clip, shape ``(clips,)``.
        is_fake: Shape ``(clips,)``.

    Returns:
        The temperature within ``TEMPERATURES``, so that no order of scores is turned round.

    Raises:
        SingleClassError: All clips are genuine, or all are fake.
    """
    wanted, z = _targets(is_fake), np.asarray(logits, np.float64)
    inputs = np.stack([z, np.ones_like(z)])

    def cross_entropy(line: Floats) -> tuple[float, Floats]:  # and its slope; it is convex
        log_odds = line @ inputs
        slope = inputs @ (expit(log_odds) - wanted) / len(z)
        return float((np.logaddexp(0, log_odds) - wanted * log_odds).mean()), slope

    low, high = TEMPERATURES
    found = minimize(
        cross_entropy,
        np.array([1.0, 0.0]),
        jac=True,
        bounds=[(1 / high, 1 / low), (None, None)],
        method="L-BFGS-B",
    )
    factor, bias = found.x
    return float(1 / factor), float(bias)


def fit_temperature(logits: Floats, is_fake: NDArray[np.bool_]) -> float:
    """The temperature alone, without a bias; arguments and errors of :func:`fit_platt`."""
    wanted, z = _targets(is_fake), np.asarray(logits, np.float64)

    def cross_entropy(log_temperature: float) -> float:
        cooler = z / math.exp(log_temperature)
        return float((np.logaddexp(0, cooler) - wanted * cooler).mean())

    low, high = (math.log(limit) for limit in TEMPERATURES)
    # not convex in the temperature's logarithm, so the best point of a grid is refined
    grid = np.linspace(low, high, 121)
    best = int(np.argmin([cross_entropy(point) for point in grid]))
    around = (grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)])
    found = minimize_scalar(cross_entropy, bounds=around, method="bounded")
    return float(math.exp(found.x))


def _targets(is_fake: NDArray[np.bool_]) -> Floats:
    """Platt's smoothed targets, shape ``(clips,)``."""
    fakes = require_both_classes(is_fake)
    reals = len(is_fake) - fakes
    return np.where(is_fake, (fakes + 1) / (fakes + 2), 1 / (reals + 2))


def require_both_classes(is_fake: NDArray[np.bool_]) -> int:
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
