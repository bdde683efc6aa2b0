"""Confidence intervals of metrics by a cluster bootstrap.

Clips of one person resemble each other, so whole identities are resampled and not clips.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unmask.evaluation.intervals import Estimate, estimate_from_resamples
from unmask.evaluation.metrics import Labels, Scores, roc_auc
from unmask.evaluation.resampled_metrics import Counts, resampled_aucs

MAX_CELLS = 4_000_000  # resamples × clips held in memory at a time, 32 MB


@dataclass(frozen=True, slots=True)
class Resampling:
    """How intervals are computed.

    Attributes:
        confidence: Share of the resamples that lies within an interval, in ``(0, 1)``.
    """

    rng: np.random.Generator
    resamples: int = 1000
    confidence: float = 0.95


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
    resampling = Resampling(rng, resamples, confidence)
    estimates = estimate_metrics(
        {"auc": auc},
        lambda counts: {"auc": resampled_aucs(scores, is_fake, counts)},
        is_fake,
        identities,
        resampling,
    )
    return estimates["auc"]


def estimate_mean(values: Scores, identities: Sequence[str], resampling: Resampling) -> Estimate:
    """Return the mean over clips with its interval by resampling identities.

    Args:
        values: Of each clip, shape ``(clips,)``; at least one.
        identities: Person of each clip, shape ``(clips,)``.

    Returns:
        Without an interval where all clips are of one identity.
    """
    _, person = np.unique(np.asarray(identities), return_inverse=True)
    people = int(person.max()) + 1
    mean = float(np.mean(values))
    if people < 2:
        return Estimate(mean, None, None)
    sums, clips = np.bincount(person, values, people), np.bincount(person, minlength=people)
    shares = np.full(people, 1 / people)
    drawn = resampling.rng.multinomial(people, shares, size=resampling.resamples)
    return estimate_from_resamples(mean, drawn @ sums / (drawn @ clips), resampling.confidence)


def estimate_metrics(
    values: Mapping[str, float],
    resampled: Callable[[Counts], Mapping[str, Scores]],
    is_fake: Labels,
    identities: Sequence[str],
    resampling: Resampling,
) -> dict[str, Estimate]:
    """Return metrics with their intervals, all on the same resamples of identities.

    Args:
        values: Each metric of the clips themselves.
        resampled: The same metrics of resamples, each of shape ``(resamples,)``, from how often
            each clip occurs in them, shape ``(resamples, clips)``.
        is_fake: Shape ``(clips,)``; both classes are among them.
        identities: Person of each clip, shape ``(clips,)``.

    Returns:
        Without intervals where all clips are of one identity.
    """
    arrays = resample_metrics(resampled, is_fake, identities, resampling)
    return {
        name: estimate_from_resamples(
            value, None if arrays is None else arrays[name], resampling.confidence
        )
        for name, value in values.items()
    }


def resample_metrics(
    resampled: Callable[[Counts], Mapping[str, Scores]],
    is_fake: Labels,
    identities: Sequence[str],
    resampling: Resampling,
) -> dict[str, Scores] | None:
    """Return metrics of resamples of identities, each of shape ``(resamples,)``.

    Arguments are those of :func:`estimate_metrics`.

    Returns:
        ``None`` where all clips are of one identity, which leaves nothing to resample.
    """
    if len(set(identities)) < 2:
        return None
    chunks = [
        resampled(draw_identity_counts(is_fake, identities, resampling.rng, size))
        for size in _chunk_sizes(resampling.resamples, len(is_fake))
    ]
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}


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
