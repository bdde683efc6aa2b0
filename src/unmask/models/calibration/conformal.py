"""Split-conformal verdict thresholds with guaranteed error rates.

Vovk, Gammerman & Shafer, "Algorithmic Learning in a Random World", 2005; one threshold per class
as in Vovk, "Conditional Validity of Inductive Conformal Predictors", ACML 2012. If a new genuine
clip and the ``n`` genuine calibration clips are exchangeable (drawn alike, in any order), the rank
of its score among theirs is uniform. It therefore exceeds the ``ceil((n + 1)(1 - fpr))``-th
smallest of them with probability at most ``fpr``, for any detector. With fewer than
``1 / fpr - 1`` clips no such rank exists, and no clip is called fake.

The guarantee is an average over calibration sets and new clips. It does not hold for one
manipulation, one person, or footage of another kind. Several clips of each of a few people are
not exchangeable with a clip of a new person: for unseen people the true rates may be a few times
the guaranteed ones where these are close to the smallest that so few people can support.
"""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from unmask.errors import ConfigError
from unmask.models.calibration.platt import ConformalGuarantee, require_both_classes

EPS = 1e-9  # products such as 0.1 · 30 are not exact in binary
# thresholds that no probability exceeds, or falls below: the verdict is never given
UNREACHABLE_FAKE_ABOVE, UNREACHABLE_REAL_BELOW = 1.0, 0.0


def conformal_thresholds(
    probabilities: NDArray[np.float64], is_fake: NDArray[np.bool_], fpr: float, fnr: float
) -> tuple[float, float, ConformalGuarantee]:
    """Return the thresholds of the verdicts ``real`` and ``fake``.

    A genuine clip lies above ``fake_above`` with probability at most ``fpr``, a fake one below
    ``real_below`` with probability at most ``fnr``. Where the classes are so far apart that the
    two thresholds cross, both are set to their midpoint, which is stricter for either class, and
    no clip is inconclusive.

    Args:
        probabilities: Fake probability per calibration clip, shape ``(clips,)``.
        is_fake: True where the clip is fake, shape ``(clips,)``.
        fpr, fnr: Target error rates, in ``(0, 1)``.

    Returns:
        ``real_below``, ``fake_above`` (never the smaller one), and the guarantee.

    Raises:
        SingleClassError: All clips are genuine, or all are fake.
        ConfigError: A rate is not in ``(0, 1)``.

    Example:
        >>> p = np.array([0.1, 0.2, 0.6, 0.4, 0.8, 0.9])
        >>> is_fake = np.array([False, False, False, True, True, True])
        >>> conformal_thresholds(p, is_fake, fpr=0.25, fnr=0.25)[:2]
        (0.4, 0.6)
        >>> conformal_thresholds(p, is_fake, fpr=0.01, fnr=0.01)[:2]  # three clips are too few
        (0.0, 1.0)
    """
    _check_rate("uncertainty.fpr", fpr)
    _check_rate("uncertainty.fnr", fnr)
    fakes = require_both_classes(is_fake)
    genuine, forged = np.sort(probabilities[~is_fake]), np.sort(probabilities[is_fake])[::-1]
    fake_above = conformal_quantile(genuine, fpr, UNREACHABLE_FAKE_ABOVE)
    real_below = conformal_quantile(forged, fnr, UNREACHABLE_REAL_BELOW)
    if real_below > fake_above:
        real_below = fake_above = (real_below + fake_above) / 2
    return real_below, fake_above, ConformalGuarantee(fpr, fnr, len(is_fake) - fakes, fakes)


def min_calibration_size(rate: float) -> int:
    """Return how many clips of a class a threshold needs at least to guarantee ``rate``.

    Example:
        >>> min_calibration_size(0.01), min_calibration_size(0.05), min_calibration_size(0.1)
        (99, 19, 9)
    """
    return math.ceil(1 / rate - 1 - EPS)


def describe_unreachable_verdicts(guarantee: ConformalGuarantee) -> Iterator[str]:
    """Yield a sentence for each verdict that too few calibration clips rule out."""
    for verdict, kind, clips, rate in (
        ("fake", "genuine", guarantee.reals, guarantee.fpr),
        ("real", "fake", guarantee.fakes, guarantee.fnr),
    ):
        if clips and clips < min_calibration_size(rate):
            yield (
                f"The verdict {verdict!r} is never given: {clips} {kind} calibration clips cannot "
                f"guarantee an error rate of {rate:.3g}; at least {min_calibration_size(rate)} "
                "are needed."
            )


def conformal_quantile(scores: NDArray[np.float64], rate: float, unreachable: float) -> float:
    """Return the score that new ones exceed with probability at most ``rate``.

    Args:
        scores: Calibration scores sorted from the least to the most extreme, shape ``(clips,)``.
        unreachable: Returned where there are too few of them.
    """
    rank = math.ceil((len(scores) + 1) * (1 - rate) - EPS)
    return float(scores[rank - 1]) if rank <= len(scores) else unreachable


def _check_rate(name: str, rate: float) -> None:
    if not 0 < rate < 1:
        raise ConfigError(f"{name} is {rate!r}; use a number between 0 and 1")
