"""Conformal verdict thresholds with guaranteed error rates for clips of new people.

One threshold per class (Vovk, "Conditional Validity of Inductive Conformal Predictors", ACML 2012).
Clips of one person are alike, so that not clips but people count: the clips of each person share a
weight of one, and a new person has another one, placed beyond every score. Hierarchical conformal
prediction: Lee, Barber & Willett, "Distribution-free inference with hierarchical data", 2023
(arXiv:2306.06342), after Dunn, Wasserman & Ramdas, "Distribution-Free Prediction Sets for Two-Layer
Hierarchical Models", Journal of the American Statistical Association 118, 2023. If people are drawn
alike, and the clips of each as well, a clip of a new person lies beyond the threshold with
probability at most the rate, for any detector. With one clip of each person, it is the
split-conformal threshold. With fewer than ``1 / fpr - 1`` people no threshold exists, and no clip
is called fake.

The guarantee is an average over calibration sets and new people. It does not hold for one
manipulation, one person, or footage of another kind.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from unmask.errors import ConfigError
from unmask.models.calibration.platt import ConformalGuarantee, require_both_classes

EPS = 1e-9  # products such as 0.1 · 30 are not exact in binary
# thresholds that no probability exceeds, or falls below: the verdict is never given
UNREACHABLE_FAKE_ABOVE, UNREACHABLE_REAL_BELOW = 1.0, 0.0


def conformal_thresholds(
    probabilities: NDArray[np.float64],
    is_fake: NDArray[np.bool_],
    people: Sequence[str],
    rates: tuple[float, float],
) -> tuple[float, float, ConformalGuarantee]:
    """Return the thresholds of the verdicts ``real`` and ``fake``.

    A genuine clip of a new person lies above ``fake_above`` with probability at most ``fpr``, a
    fake one below ``real_below`` with probability at most ``fnr``. Where the classes are so far
    apart that the two thresholds cross, both are set to their midpoint, which is stricter for
    either class, and no clip is inconclusive.

    Args:
        probabilities: Fake probability per calibration clip, shape ``(clips,)``.
        is_fake: True where the clip is fake, shape ``(clips,)``.
        people: Person in each clip, of length ``clips``.
        rates: ``fpr`` and ``fnr``, the target error rates, in ``(0, 1)``.

    Returns:
        ``real_below``, ``fake_above`` (never the smaller one), and the guarantee.

    Raises:
        SingleClassError: All clips are genuine, or all are fake.
        ConfigError: A rate is not in ``(0, 1)``.

    Example:
        >>> p = np.array([0.1, 0.2, 0.6, 0.4, 0.8, 0.9])
        >>> is_fake = np.array([False, False, False, True, True, True])
        >>> conformal_thresholds(p, is_fake, "abcabc", rates=(0.25, 0.25))[:2]
        (0.4, 0.6)
        >>> conformal_thresholds(p, is_fake, "aabaab", rates=(0.25, 0.25))[:2]  # too few people
        (0.0, 1.0)
    """
    fpr, fnr = rates
    _check_rate("uncertainty.fpr", fpr)
    _check_rate("uncertainty.fnr", fnr)
    fakes = require_both_classes(is_fake)
    names = np.array(list(people))
    highest = grouped_quantile(probabilities[~is_fake], names[~is_fake], fpr)
    lowest = grouped_quantile(-probabilities[is_fake], names[is_fake], fnr)
    fake_above = UNREACHABLE_FAKE_ABOVE if highest is None else highest
    real_below = UNREACHABLE_REAL_BELOW if lowest is None else -lowest
    if real_below > fake_above:
        real_below = fake_above = (real_below + fake_above) / 2
    guarantee = ConformalGuarantee(
        fpr,
        fnr,
        reals=len(is_fake) - fakes,
        fakes=fakes,
        people=len(set(people)),
        real_people=len(set(names[~is_fake])),
        fake_people=len(set(names[is_fake])),
    )
    return real_below, fake_above, guarantee


def min_calibration_size(rate: float) -> int:
    """Return how many people of a class a threshold needs at least to guarantee ``rate``.

    Example:
        >>> min_calibration_size(0.01), min_calibration_size(0.05), min_calibration_size(0.1)
        (99, 19, 9)
    """
    return math.ceil(1 / rate - 1 - EPS)


def describe_unreachable_verdicts(guarantee: ConformalGuarantee) -> Iterator[str]:
    """Yield a sentence for each verdict that too few people in the calibration clips rule out.

    In bundles of before version 0.3, whose guarantee counts clips, too few clips do.
    """
    for verdict, kind, clips, people, rate in (
        ("fake", "genuine", guarantee.reals, guarantee.real_people, guarantee.fpr),
        ("real", "fake", guarantee.fakes, guarantee.fake_people, guarantee.fnr),
    ):
        if clips and (people or clips) < min_calibration_size(rate):
            counted = f"{kind} calibration clips"
            counted = f"{people} people in the {counted}" if people else f"{clips} {counted}"
            yield (
                f"The verdict {verdict!r} is never given: {counted} cannot guarantee an error "
                f"rate of {rate:.3g}; at least {min_calibration_size(rate)} are needed."
            )


def grouped_quantile(
    scores: NDArray[np.float64], groups: NDArray[np.str_ | np.int64], rate: float
) -> float | None:
    """Return the score that one of a new group exceeds with probability at most ``rate``.

    Args:
        scores: Higher is more extreme, shape ``(clips,)``.
        groups: Group of each score, shape ``(clips,)``.

    Returns:
        ``None`` where there are too few groups.

    Example:
        >>> grouped_quantile(np.array([1.0, 2.0, 3.0, 9.0]), np.array(list("aaab")), rate=0.5)
        9.0
    """
    _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    order = np.argsort(scores, kind="stable")
    below = np.cumsum(1 / sizes[group[order]])  # weight of the scores up to each
    rank = np.searchsorted(below, (len(sizes) + 1) * (1 - rate) - EPS)
    return float(scores[order[rank]]) if rank < len(scores) else None


def _check_rate(name: str, rate: float) -> None:
    if not 0 < rate < 1:
        raise ConfigError(f"{name} is {rate!r}; use a number between 0 and 1")
