"""A curve of agreement over shifts to a probability that lips and speech are apart.

How far the curve rises at a shift, in units of how it wavers elsewhere, is the evidence for that
shift, against the hypothesis that no shift fits because the sound is another's. The score is the
expected disturbance: none where the two are together, half at 100 ms, full beyond 250 ms or
where nothing fits (ITU-R BT.1359-1: viewers notice sound 45 ms early or 125 ms late). Four
constants make a probability of it; they are fitted on genuine footage, shifted and swapped.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, logit, softmax

from unmask.errors import SingleClassError

MAX_SHIFT_TICKS = 15
SHIFTS = np.arange(-MAX_SHIFT_TICKS, MAX_SHIFT_TICKS + 1)
HALF_DISTURBED_S = 0.1
PEAK_TICKS = 3  # to either side of the highest point: the rest of a curve is its wavering
LEAST_WAVER = 0.02  # of similarity; a curve flatter than this says nothing
SURE = 1e-6  # disturbances are held this far from 0 and 1
STEEPEST = 5.0  # evidence weighs at most this much, however clean the footage fitted on
APART_TICKS = 4  # 160 ms: from here on a shift counts as out of sync when the score is fitted

Curve = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LabelledCurve:
    """A curve of footage that was genuine.

    Attributes:
        shift: By how many ticks its sound was made late; ``None`` where it is another's.
    """

    curve: Curve
    shift: int | None


def fit_mapping(known: Sequence[LabelledCurve], rate_hz: float) -> NDArray[np.float64]:
    """The constants under which the true shifts are likeliest, for :func:`out_of_sync`.

    First the weight of the evidence and that of none, by maximum likelihood over all 32
    hypotheses; then slope and shift of the score, between curves in sync and curves at least
    160 ms apart or swapped, with the smoothed targets of Platt (1999).

    Returns:
        Shape ``(4,)``.

    Raises:
        SingleClassError: There are not both kinds.
    """
    apart = np.array([one.shift is None or abs(one.shift) >= APART_TICKS for one in known], bool)
    together = np.array([one.shift == 0 for one in known], bool)
    if not apart.any() or not together.any():
        raise SingleClassError(
            f"lip-sync: {together.sum()} curves in sync, {apart.sum()} out of sync; the score is "
            "fitted on both, from genuine clips with a second of speech and a mouth that moves"
        )
    shifts = [len(SHIFTS) if one.shift is None else one.shift + MAX_SHIFT_TICKS for one in known]
    weighing = _fit_beliefs(
        np.stack([standardize_curve(one.curve) for one in known]), np.array(shifts)
    )
    raw = logit([_expected(one.curve, weighing, rate_hz) for one in known])
    return np.concatenate([weighing, _fit_slope(raw[together], raw[apart])])


def _fit_beliefs(heights: NDArray[np.float64], truth: NDArray[np.int_]) -> NDArray[np.float64]:
    """Weight of the evidence, and that for none, by maximum likelihood."""

    def unlikely(values: NDArray[np.float64]) -> float:
        none = np.full(len(heights), values[1])
        said = log_softmax(np.column_stack([values[0] * heights, none]), axis=1)
        # a little of every hypothesis, so that clean footage does not ask for endless weight
        hit = said[np.arange(len(truth)), truth]
        return float(-(0.98 * hit + 0.02 * said.mean(axis=1)).mean())

    return np.asarray(minimize(unlikely, [1.0, 2.0], bounds=[(0.05, STEEPEST), (-20, 40)]).x)


def _fit_slope(together: NDArray[np.float64], apart: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slope and shift of the score; both kinds weigh the same, however many shifts were tried."""
    low, high = 1 / (len(together) + 2), (len(apart) + 1) / (len(apart) + 2)

    def unlikely(values: NDArray[np.float64]) -> float:
        means = []
        for logits, wanted in ((together, low), (apart, high)):
            x = values[0] * logits + values[1]
            means.append((np.logaddexp(0, x) - wanted * x).mean())
        return float(np.mean(means))

    return np.asarray(minimize(unlikely, [1.0, 0.0], bounds=[(0.05, 5.0), (-10, 10)]).x)


def standardize_curve(curve: Curve) -> Curve:
    """A curve above its median, in units of its spread away from its peak; 0 where it is NaN."""
    filled = np.where(np.isfinite(curve), curve, np.nanmedian(curve))
    away = np.abs(SHIFTS - SHIFTS[filled.argmax()]) > PEAK_TICKS
    return np.asarray((filled - np.median(filled)) / (filled[away].std() + LEAST_WAVER))


def shift_posterior(curve: Curve, mapping: NDArray[np.float64]) -> NDArray[np.float64]:
    """Belief in each shift, and at last in none of them, shape ``(32,)``; they sum to 1.

    Args:
        mapping: Weight of the evidence, evidence for none, then slope and shift of the score.
    """
    return np.asarray(softmax(np.append(mapping[0] * standardize_curve(curve), mapping[1])))


def desync_severity(rate_hz: float) -> NDArray[np.float64]:
    """How much each shift, and at last none, disturbs, in ``[0, 1]``, shape ``(32,)``."""
    apart = SHIFTS / rate_hz / HALF_DISTURBED_S
    return np.append(1 - 0.5 ** (apart**2), 1.0)


def desync_probability(
    curves: NDArray[np.float64] | Sequence[Curve], mapping: NDArray[np.float64], rate_hz: float
) -> NDArray[np.float64]:
    """Probability per curve, shape ``(curves,)``; see the module's head."""
    expected = np.array([_expected(curve, mapping, rate_hz) for curve in curves])
    return np.asarray(expit(mapping[2] * logit(expected) + mapping[3]))


def peak_shift(curve: Curve) -> float:
    """Where a curve is highest, in ticks; between ticks by a parabola through three points.

    Example:
        >>> curve = -((SHIFTS - 2.25) ** 2).astype(float)
        >>> peak_shift(curve)
        2.25
    """
    top = int(np.nanargmax(curve))
    if not 0 < top < len(curve) - 1:
        return float(SHIFTS[top])
    left, centre, right = curve[top - 1 : top + 2]
    bend = left - 2 * centre + right
    if not np.isfinite(bend) or bend >= 0:
        return float(SHIFTS[top])
    return float(SHIFTS[top] + (left - right) / (2 * bend))


def confidence(curve: Curve, mapping: NDArray[np.float64]) -> float:
    """Belief in the highest point and the shifts beside it, in ``[0, 1]``."""
    near = np.abs(SHIFTS - round(peak_shift(curve))) <= 1
    return float(shift_posterior(curve, mapping)[:-1][near].sum())


def _expected(curve: Curve, mapping: NDArray[np.float64], rate_hz: float) -> float:
    expected = float(shift_posterior(curve, mapping) @ desync_severity(rate_hz))
    return min(max(expected, SURE), 1 - SURE)
