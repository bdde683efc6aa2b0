"""Confidence intervals of an AUC by a cluster bootstrap.

Clips of one person resemble each other, so whole identities are resampled and not clips.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from unmask.errors import SingleClassError
from unmask.evaluation.intervals import Estimate, estimate_from_resamples
from unmask.evaluation.metrics import Labels, Scores, roc_auc

MAX_CELLS = 4_000_000  # resamples × clips held in memory at a time, 32 MB


def estimate_auc(
    scores: Scores,
    is_fake: Labels,
    identities: Sequence[str],
    rng: np.random.Generator,
    resamples: int = 1000,
    confidence: float = 0.95,
) -> Estimate:
    """Compute the AUC with its interval by resampling identities.

    A resample without a genuine or without a fake clip has no AUC and is drawn again.

    Args:
        scores: Shape ``(clips,)``; higher is more fake.
        is_fake: Shape ``(clips,)``.
        identities: Person of each clip, shape ``(clips,)``.
        confidence: Share of the resamples that lies within the interval, in ``(0, 1)``.

    Returns:
        Without an interval where all clips are of one identity.

    Raises:
        SingleClassError: All clips are genuine, or all are fake.
    """
    auc = roc_auc(scores, is_fake)
    if len(set(identities)) < 2:
        return Estimate(auc, None, None)
    resampled = np.concatenate(
        [
            resampled_aucs(scores, is_fake, draw_identity_counts(is_fake, identities, rng, count))
            for count in _chunk_sizes(resamples, len(scores))
        ]
    )
    return estimate_from_resamples(auc, resampled, confidence)


def resampled_aucs(scores: Scores, is_fake: Labels, counts: NDArray[np.int64]) -> Scores:
    """Compute the AUC of each resample, a tie counting half.

    All sums before the last division are of halves, and so exact.

    Args:
        counts: How often each clip occurs in each resample, shape ``(resamples, clips)``.

    Returns:
        Shape ``(resamples,)``.

    Raises:
        SingleClassError: A resample lacks genuine or fake clips.
    """
    order = np.argsort(scores, kind="stable")
    _, starts = np.unique(scores[order], return_index=True)
    fakes = np.add.reduceat(counts[:, order] * is_fake[order], starts, axis=1)
    reals = np.add.reduceat(counts[:, order] * ~is_fake[order], starts, axis=1)
    pairs = fakes.sum(axis=1) * reals.sum(axis=1)
    if not pairs.all():
        raise SingleClassError("a resample lacks genuine or fake clips; draw it again")
    outscored = np.cumsum(reals, axis=1) - reals / 2  # genuine clips below, and half the tied
    return np.asarray((fakes * outscored).sum(axis=1) / pairs, dtype=np.float64)


def draw_identity_counts(
    is_fake: Labels, identities: Sequence[str], rng: np.random.Generator, resamples: int
) -> NDArray[np.int64]:
    """Draw resamples of whole identities, each with genuine and fake clips.

    Returns:
        How often each clip occurs in each resample, shape ``(resamples, clips)``.
    """
    _, person = np.unique(np.asarray(identities), return_inverse=True)
    people = int(person.max()) + 1
    fakes = np.bincount(person, is_fake, people)
    reals = np.bincount(person, ~is_fake, people)
    accepted: list[NDArray[np.int64]] = []
    missing = resamples
    while missing:
        drawn = rng.multinomial(people, np.full(people, 1 / people), size=missing)
        drawn = drawn[(drawn @ fakes > 0) & (drawn @ reals > 0)]
        accepted.append(drawn)
        missing -= len(drawn)
    return np.concatenate(accepted)[:, person]


def _chunk_sizes(resamples: int, clips: int) -> list[int]:
    size = max(1, MAX_CELLS // clips)
    full, rest = divmod(resamples, size)
    return [size] * full + [rest] * bool(rest)
