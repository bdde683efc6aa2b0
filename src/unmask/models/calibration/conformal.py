"""Verdict thresholds that promise how often they are wrong.

Split conformal prediction: Vovk, Gammerman & Shafer, "Algorithmic Learning in a Random World",
2005; one threshold per class as in Vovk, "Conditional Validity of Inductive Conformal Predictors",
ACML 2012. If a new genuine clip and the ``n`` genuine calibration clips are exchangeable – drawn
alike, in any order – its score's rank among theirs is uniform, so it lies above the
``ceil((n + 1)(1 - fpr))``-th smallest of them with probability ``fpr`` at most, whatever the
detector. With fewer clips than ``1 / fpr - 1`` there is no such rank, and no clip is called fake.

The promise is an average over calibration sets and new clips; it is no promise about one
manipulation, one person, or footage of another kind. Several clips of each of a few people are
not drawn as a new person's clip is: for people never seen the true rates may be a few times the
promised ones where these are near what so few people can show.
"""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from unmask.config.validators import share
from unmask.models.calibration.platt import ConformalGuarantee, require_both_classes

HAIR = 1e-9  # shares such as 0.1 · 30 are not whole in binary
NOBODY_FAKE, NOBODY_REAL = 1.0, 0.0  # no probability lies above the one, or below the other


def conformal_thresholds(
    probabilities: NDArray[np.float64], is_fake: NDArray[np.bool_], fpr: float, fnr: float
) -> tuple[float, float, ConformalGuarantee]:
    """Where to answer ``real`` and where ``fake``.

    A genuine clip lies above ``fake_above`` with probability ``fpr`` at most, a fake one below
    ``real_below`` with ``fnr`` at most. Where the classes are so far apart that the two cross,
    nothing needs to stay inconclusive, and both are their midpoint, which is the stricter for
    either.

    Args:
        probabilities: Fake probability per calibration clip, shape ``(clips,)``.
        is_fake: Shape ``(clips,)``.
        fpr, fnr: In ``(0, 1)``.

    Returns:
        ``real_below``, ``fake_above``, the first never above the second, and what they promise.

    Raises:
        SingleClassError: All clips are genuine, or all are fake.
        ConfigError: A rate is not a share.

    Example:
        >>> p = np.array([0.1, 0.2, 0.6, 0.4, 0.8, 0.9])
        >>> is_fake = np.array([False, False, False, True, True, True])
        >>> conformal_thresholds(p, is_fake, fpr=0.25, fnr=0.25)[:2]
        (0.4, 0.6)
        >>> conformal_thresholds(p, is_fake, fpr=0.01, fnr=0.01)[:2]  # three clips are too few
        (0.0, 1.0)
    """
    share("uncertainty.fpr", fpr)
    share("uncertainty.fnr", fnr)
    fakes = require_both_classes(is_fake)
    genuine, forged = np.sort(probabilities[~is_fake]), np.sort(probabilities[is_fake])[::-1]
    fake_above = conformal_quantile(genuine, fpr, NOBODY_FAKE)
    real_below = conformal_quantile(forged, fnr, NOBODY_REAL)
    if real_below > fake_above:
        real_below = fake_above = (real_below + fake_above) / 2
    return real_below, fake_above, ConformalGuarantee(fpr, fnr, len(is_fake) - fakes, fakes)


def min_calibration_size(rate: float) -> int:
    """The fewest clips of a class for which a threshold can promise ``rate``.

    Example:
        >>> clips_needed(0.01), clips_needed(0.05), clips_needed(0.1)
        (99, 19, 9)
    """
    return math.ceil(1 / rate - 1 - HAIR)


def describe_unreachable_verdicts(promise: ConformalGuarantee) -> Iterator[str]:
    """A sentence for each verdict that is never given, for want of calibration clips."""
    for verdict, kind, clips, rate in (
        ("fake", "genuine", promise.reals, promise.fpr),
        ("real", "fake", promise.fakes, promise.fnr),
    ):
        if clips and clips < min_calibration_size(rate):
            yield (
                f"The verdict {verdict!r} is never given: {clips} {kind} calibration clips are "
                f"too few to promise {rate:.3g}; it takes {min_calibration_size(rate)}."
            )


def conformal_quantile(scores: NDArray[np.float64], rate: float, unreachable: float) -> float:
    """The score that a share ``rate`` of new ones goes beyond at most.

    Args:
        scores: Ever more wrong, shape ``(clips,)``.
        unreachable: The answer where they are too few to promise that.
    """
    rank = math.ceil((len(scores) + 1) * (1 - rate) - HAIR)
    return float(scores[rank - 1]) if rank <= len(scores) else unreachable
