"""How far a measured AUC could be off, given that clips of one person resemble each other."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unmask.errors import SingleClassError
from unmask.evaluation.metrics import Labels, Scores, roc_auc

CELLS_AT_ONCE = 4_000_000  # resamples × clips held in memory together, 32 MB


@dataclass(frozen=True, slots=True)
class Interval:
    """A percentile interval of resampled values."""

    low: float
    high: float


def auc_interval(
    scores: Scores,
    is_fake: Labels,
    identities: Sequence[str],
    rng: np.random.Generator,
    resamples: int = 1000,
    confidence: float = 0.95,
) -> Interval | None:
    """Interval of the AUC by a cluster bootstrap: whole identities are drawn, not clips.

    A resample without a genuine or without a fake clip has no AUC and is drawn again.

    Args:
        scores: Shape ``(clips,)``.
        is_fake: Shape ``(clips,)``.
        identities: The person of each clip, one per clip.
        confidence: Share of the resamples that lies within, in ``(0, 1)``.

    Returns:
        ``None`` where all clips are of one identity: there is nothing to resample.

    Raises:
        SingleClassError: All clips are genuine, or all are fake.
    """
    roc_auc(scores, is_fake)  # refuses what cannot be measured at all
    if len(set(identities)) < 2:
        return None
    values = np.concatenate(
        [
            resampled_aucs(scores, is_fake, draw_identity_counts(is_fake, identities, rng, count))
            for count in _chunks(resamples, len(scores))
        ]
    )
    tail = (1 - confidence) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return Interval(float(low), float(high))


def resampled_aucs(scores: Scores, is_fake: Labels, copies: NDArray[np.int64]) -> Scores:
    """The AUC of each resample, a tie counting half.

    Args:
        copies: How often each clip stands in each resample, shape ``(resamples, clips)``.

    Returns:
        Shape ``(resamples,)``.

    Raises:
        SingleClassError: A resample lacks genuine or fake clips.
    """
    order = np.argsort(scores, kind="stable")
    _, starts = np.unique(scores[order], return_index=True)
    fakes = np.add.reduceat(copies[:, order] * is_fake[order], starts, axis=1)
    reals = np.add.reduceat(copies[:, order] * ~is_fake[order], starts, axis=1)
    pairs = fakes.sum(axis=1) * reals.sum(axis=1)
    if not pairs.all():
        raise SingleClassError("a resample lacks genuine or fake clips; draw it again")
    outscored = np.cumsum(reals, axis=1) - reals / 2  # genuine clips below, and half the tied
    return np.asarray((fakes * outscored).sum(axis=1) / pairs, dtype=np.float64)


def draw_identity_counts(
    is_fake: Labels, identities: Sequence[str], rng: np.random.Generator, resamples: int
) -> NDArray[np.int64]:
    """How often each clip stands in each resample of whole identities.

    Returns:
        Shape ``(resamples, clips)``.
    """
    _, person = np.unique(np.asarray(identities), return_inverse=True)
    return _draw(is_fake, person, resamples, rng)[:, person]


def _draw(
    is_fake: Labels, person: NDArray[np.int64], resamples: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """How often each identity is drawn, shape ``(resamples, identities)``."""
    identities = int(person.max()) + 1
    fakes = np.bincount(person, is_fake, identities)
    reals = np.bincount(person, ~is_fake, identities)
    kept: list[NDArray[np.int64]] = []
    missing = resamples
    while missing:
        drawn = rng.multinomial(identities, np.full(identities, 1 / identities), size=missing)
        drawn = drawn[(drawn @ fakes > 0) & (drawn @ reals > 0)]
        kept.append(drawn)
        missing -= len(drawn)
    return np.concatenate(kept)


def _chunks(resamples: int, clips: int) -> list[int]:
    most = max(1, CELLS_AT_ONCE // clips)
    whole, rest = divmod(resamples, most)
    return [most] * whole + [rest] * bool(rest)
