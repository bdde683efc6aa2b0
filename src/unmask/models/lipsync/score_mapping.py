"""Score mapping: from a similarity curve over shifts to the probability of desynchronisation.

The height of the curve at a shift, in units of its spread elsewhere, is the evidence for that
shift, against the hypothesis that no shift fits because the sound is another person's. The score
is the expected severity: 0 in sync, one half at 100 ms, nearly 1 beyond 250 ms or where no shift
fits (ITU-R BT.1359-1: viewers notice sound 45 ms early or 125 ms late). Four constants map it to a
probability. They are fitted on genuine footage with shifted and swapped sound.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_softmax, logit, softmax

from unmask.errors import SingleClassError

MAX_SHIFT_TICKS = 15
SHIFTS = np.arange(-MAX_SHIFT_TICKS, MAX_SHIFT_TICKS + 1)
HALF_SEVERITY_S = 0.1
PEAK_TICKS = 3  # on either side of the peak; the spread is that of the rest of the curve
MIN_SPREAD = 0.02  # of similarity; flatter curves carry no evidence
SEVERITY_CLIP = 1e-6  # severities are kept this far from 0 and 1
MAX_EVIDENCE_WEIGHT = 5.0  # upper bound of the fitted weight, however clean the footage
OUT_OF_SYNC_TICKS = 4  # 160 ms: minimum shift that counts as out of sync in the fit

Curve = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LabelledCurve:
    """Similarity curve of genuine footage whose sound was shifted or swapped.

    Attributes:
        curve: Similarity per shift, shape ``(31,)``.
        shift: Delay of the sound in ticks; ``None`` where it is another person's.
    """

    curve: Curve
    shift: int | None


def fit_mapping(labelled: Sequence[LabelledCurve], rate_hz: float) -> NDArray[np.float64]:
    """Fit the constants of :func:`desync_probability`.

    First the weight of the evidence and the evidence for "no shift", by maximum likelihood over
    all 32 hypotheses; then slope and offset of the score, between curves in sync and curves that
    are at least 160 ms out of sync or swapped, with Platt's smoothed targets (1999).

    Args:
        labelled: Curves of genuine footage with known shifts.
        rate_hz: Ticks per second.

    Returns:
        Shape ``(4,)``.

    Raises:
        SingleClassError: There are no curves in sync, or none out of sync.
    """
    desynced = np.array(
        [item.shift is None or abs(item.shift) >= OUT_OF_SYNC_TICKS for item in labelled], bool
    )
    synced = np.array([item.shift == 0 for item in labelled], bool)
    if not desynced.any() or not synced.any():
        raise SingleClassError(
            f"lip-sync: {synced.sum()} curves in sync and {desynced.sum()} out of sync; the score "
            "needs both: add genuine clips with a second of speech and a moving mouth"
        )
    classes = [
        len(SHIFTS) if item.shift is None else item.shift + MAX_SHIFT_TICKS for item in labelled
    ]
    heights = np.stack([standardize_curve(item.curve) for item in labelled])
    weights = _fit_posterior(heights, np.array(classes))
    raw = logit([_expected_severity(item.curve, weights, rate_hz) for item in labelled])
    return np.concatenate([weights, _fit_slope(raw[synced], raw[desynced])])


def _fit_posterior(heights: NDArray[np.float64], classes: NDArray[np.int_]) -> NDArray[np.float64]:
    """Fit the weight of the evidence and the evidence for "no shift" by maximum likelihood."""
    from scipy.optimize import minimize

    def negative_log_likelihood(values: NDArray[np.float64]) -> float:
        none = np.full(len(heights), values[1])
        scores = log_softmax(np.column_stack([values[0] * heights, none]), axis=1)
        # label smoothing, so that clean footage does not drive the weight to infinity
        correct = scores[np.arange(len(classes)), classes]
        return float(-(0.98 * correct + 0.02 * scores.mean(axis=1)).mean())

    bounds = [(0.05, MAX_EVIDENCE_WEIGHT), (-20, 40)]
    return np.asarray(minimize(negative_log_likelihood, [1.0, 2.0], bounds=bounds).x)


def _fit_slope(synced: NDArray[np.float64], desynced: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fit slope and offset of the score; both classes have the same total weight."""
    from scipy.optimize import minimize

    low, high = 1 / (len(synced) + 2), (len(desynced) + 1) / (len(desynced) + 2)

    def cross_entropy(values: NDArray[np.float64]) -> float:
        means = []
        for logits, target in ((synced, low), (desynced, high)):
            x = values[0] * logits + values[1]
            means.append((np.logaddexp(0, x) - target * x).mean())
        return float(np.mean(means))

    return np.asarray(minimize(cross_entropy, [1.0, 0.0], bounds=[(0.05, 5.0), (-10, 10)]).x)


def standardize_curve(curve: Curve) -> Curve:
    """Return the curve minus its median, in units of its spread away from the peak.

    NaN becomes 0.
    """
    filled = np.where(np.isfinite(curve), curve, np.nanmedian(curve))
    away = np.abs(SHIFTS - SHIFTS[filled.argmax()]) > PEAK_TICKS
    return np.asarray((filled - np.median(filled)) / (filled[away].std() + MIN_SPREAD))


def shift_posterior(curve: Curve, mapping: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the posterior of each shift and, last, of "no shift", shape ``(32,)``.

    Args:
        curve: Similarity per shift, shape ``(31,)``.
        mapping: Weight of the evidence, evidence for "no shift", slope and offset of the score.
    """
    return np.asarray(softmax(np.append(mapping[0] * standardize_curve(curve), mapping[1])))


def desync_severity(rate_hz: float) -> NDArray[np.float64]:
    """Return the severity in ``[0, 1]`` of each shift and, last, of "no shift", shape ``(32,)``."""
    distance = SHIFTS / rate_hz / HALF_SEVERITY_S
    return np.append(1 - 0.5 ** (distance**2), 1.0)


def desync_probability(
    curves: NDArray[np.float64] | Sequence[Curve], mapping: NDArray[np.float64], rate_hz: float
) -> NDArray[np.float64]:
    """Return the probability of desynchronisation per curve, shape ``(curves,)``."""
    expected = np.array([_expected_severity(curve, mapping, rate_hz) for curve in curves])
    return np.asarray(expit(mapping[2] * logit(expected) + mapping[3]))


def peak_shift(curve: Curve) -> float:
    """Return the shift of the peak in ticks, interpolated by a parabola through three points.

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
    """Return the posterior of the peak and its two neighbours, in ``[0, 1]``."""
    near = np.abs(SHIFTS - round(peak_shift(curve))) <= 1
    return float(shift_posterior(curve, mapping)[:-1][near].sum())


def _expected_severity(curve: Curve, mapping: NDArray[np.float64], rate_hz: float) -> float:
    expected = float(shift_posterior(curve, mapping) @ desync_severity(rate_hz))
    return min(max(expected, SEVERITY_CLIP), 1 - SEVERITY_CLIP)
