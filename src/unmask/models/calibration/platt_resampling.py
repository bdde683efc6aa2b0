"""Platt scaling resampled by person, and the interval of a probability that follows from it.

Clips of one person are correlated, so people are resampled, not clips (Field & Welsh,
"Bootstrapping Clustered Data", JRSS B 69, 2007). The percentile interval of few people is too
narrow; it is stretched by the ratio of Student's and the normal quantile with one degree of freedom
less than there are people, and by the bootstrap's own bias of the variance (Cameron, Gelbach &
Miller, "Bootstrap-Based Improvements for Inference with Clustered Errors", Review of Economics and
Statistics 90, 2008). Platt's smoothed targets shrink a fit to few clips; the interval also covers
what the targets 0 and 1 give.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtri, stdtrit

from unmask.models.calibration.platt import (
    TEMPERATURE_RANGE,
    Calibration,
    PlattResamples,
    PlattScale,
    smoothed_targets,
)
from unmask.models.ensemble.pooling import fuse_with_lipsync

RESAMPLES = 200
MIN_PEOPLE = 3  # fewer give no interval
COVERAGE = 0.95
STEPS = 40  # of Newton's method, which takes about ten
MAX_STEP = 2.0
TINY = 1e-9

Floats = NDArray[np.float64]


def resample_platt(
    logits: Floats, is_fake: NDArray[np.bool_], people: Sequence[str], seed: int = 0
) -> PlattResamples | None:
    """Fit Platt scaling to resamples of the people.

    Both classes keep their share of the clips. A resample without one of the classes is left out.

    Args:
        logits: One per calibration clip, shape ``(clips,)``.
        is_fake: True where the clip is fake, shape ``(clips,)``.
        people: Person in each clip, of length ``clips``.

    Returns:
        ``None`` where there are fewer than ``MIN_PEOPLE``.

    Raises:
        SingleClassError: All clips are genuine, or all are fake.
    """
    smoothed, z = smoothed_targets(is_fake), np.asarray(logits, np.float64)
    names, index = np.unique(np.array(people), return_inverse=True)
    if len(names) < MIN_PEOPLE:
        return None
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), RESAMPLES)
    weights = _balance(draws[:, index].astype(np.float64), is_fake)
    (plain,) = _fit_weighted(z, is_fake.astype(np.float64), np.ones((1, len(z))))
    return PlattResamples(
        people=len(names),
        smoothed=tuple(_fit_weighted(z, smoothed, weights)),
        plain=tuple(_fit_weighted(z, is_fake.astype(np.float64), weights)),
        plain_fit=plain,
    )


def log_odds_interval(
    member_logits: Floats, sync_probability: float | None, calibration: Calibration, seed: int = 0
) -> tuple[float, float] | None:
    """Return the 95 % interval of a clip's calibrated log-odds.

    It is meant to cover the probability that calibration on infinitely many clips like the
    calibration clips, and infinitely many members like these, would give. People and members are
    resampled together.

    Args:
        member_logits: Uncalibrated logit of each member, shape ``(members,)``.
        sync_probability: Lip-sync score in ``[0, 1]``; ``None`` where it cannot be judged.
        calibration: The one in effect for the clip.

    Returns:
        ``None`` without resamples, as in bundles before schema 7.
    """
    resamples = calibration.resamples
    if resamples is None:
        return None
    weight, rng = calibration.sync_weight, np.random.default_rng(seed)

    def fuse(logits: Floats) -> float:
        return fuse_with_lipsync(logits, sync_probability, weight)

    fused = fuse(member_logits)
    count = len(member_logits)
    drawn = rng.integers(count, size=(len(resamples.smoothed), count))
    # few members have few distinct resamples, but each costs microseconds
    varied = np.array([fuse(member_logits[row]) if count > 1 else fused for row in drawn])
    ends: list[float] = []
    for own, fits in (
        (PlattScale(calibration.temperature, calibration.bias), resamples.smoothed),
        (resamples.plain_fit, resamples.plain),
    ):
        log_odds = np.array(
            [z / fit.temperature + fit.bias for z, fit in zip(varied, fits, strict=True)]
        )
        ends += _stretch(fused / own.temperature + own.bias, log_odds, resamples.people)
    return min(ends), max(ends)


def _stretch(centre: float, resampled: Floats, people: int) -> tuple[float, float]:
    """Return the ends of the interval in log-odds around the fit to all people."""
    tail = (1 - COVERAGE) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail])
    factor = stdtrit(people - 1, 1 - tail) / ndtri(1 - tail) * np.sqrt(people / (people - 1))
    below, above = max(centre - low, 0.0), max(high - centre, 0.0)
    return float(centre - factor * below), float(centre + factor * above)


def _balance(counts: Floats, is_fake: NDArray[np.bool_]) -> Floats:
    """Weight both classes as among all clips; drop resamples without one of them."""
    weights = np.zeros_like(counts)
    for members in (is_fake, ~is_fake):
        drawn = counts[:, members].sum(axis=1, keepdims=True)
        weights[:, members] = counts[:, members] * members.sum() / np.maximum(drawn, 1)
    is_whole = counts[:, is_fake].any(axis=1) & counts[:, ~is_fake].any(axis=1)
    return np.asarray(weights[is_whole])


def _fit_weighted(logits: Floats, targets: Floats, weights: Floats) -> list[PlattScale]:
    """Fit all resamples at once by Newton's method.

    Args:
        weights: Shape ``(resamples, clips)``.
    """
    low, high = 1 / TEMPERATURE_RANGE[1], 1 / TEMPERATURE_RANGE[0]
    slope, bias = np.ones(len(weights)), np.zeros(len(weights))
    for _ in range(STEPS):
        p = expit(slope[:, None] * logits + bias[:, None])
        error, curve = weights * (p - targets), weights * p * (1 - p)
        by_slope, by_bias = error @ logits, error.sum(axis=1)
        zz, z, weight = curve @ logits**2 + TINY, curve @ logits, curve.sum(axis=1) + TINY
        determinant = np.maximum(zz * weight - z**2, TINY)
        slope_step = (weight * by_slope - z * by_bias) / determinant
        bias_step = (zz * by_bias - z * by_slope) / determinant
        slope = np.clip(slope - np.clip(slope_step, -MAX_STEP, MAX_STEP), low, high)
        bias = bias - np.clip(bias_step, -MAX_STEP, MAX_STEP)
    return [PlattScale(1 / a, b) for a, b in zip(slope.tolist(), bias.tolist(), strict=True)]
