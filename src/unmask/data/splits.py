"""Which clips train, which tune and which judge; nobody stands in two of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from unmask.errors import DataError
from unmask.records import SPLITS, Clip

FRACTIONS = {"train": 0.6, "val": 0.2, "test": 0.2}
GROUP_KEYS = ("identity", "pair_id", "sha256")  # clips that share one of these stay together


@dataclass(frozen=True, slots=True)
class Leak:
    """Something that stands in more than one split.

    Attributes:
        kind: ``identity``, ``pair_id`` or ``sha256``.
    """

    kind: str
    name: str
    splits: tuple[str, ...]

    def __str__(self) -> str:
        """As part of a sentence."""
        return f"{self.kind} {self.name} in {' and '.join(self.splits)}"


def connected_groups(clips: Sequence[Clip]) -> tuple[tuple[int, ...], ...]:
    """Positions of clips that must stay together, largest group first.

    Clips belong together when they share a person, footage (``pair_id``) or every byte,
    directly or through other clips.
    """
    if not clips:
        return ()
    # a graph: clips are the first nodes, and what they share are the nodes after them
    shared: dict[tuple[str, str], int] = {}
    edges = [
        (place, shared.setdefault((kind, getattr(clip, kind)), len(clips) + len(shared)))
        for place, clip in enumerate(clips)
        for kind in GROUP_KEYS
    ]
    ends = np.array(edges).T
    nodes = len(clips) + len(shared)
    graph = coo_array((np.ones(len(edges)), tuple(ends)), shape=(nodes, nodes))
    _, group_of = connected_components(graph, directed=False)
    members: dict[int, list[int]] = {}
    for place, group in enumerate(group_of[: len(clips)]):
        members.setdefault(int(group), []).append(place)
    return tuple(sorted((tuple(places) for places in members.values()), key=lambda g: (-len(g), g)))


def assign_splits(
    clips: Sequence[Clip], fractions: Mapping[str, float] = FRACTIONS, seed: int = 0
) -> tuple[Clip, ...]:
    """Give every clip a split, so that no person and no footage stands in two of them.

    Whole connected groups are dealt out, large ones first, each to where it helps most to
    bring the genuine and the fake clips of every split to what ``fractions`` asks for.
    Groups of equal size are dealt in an order drawn from ``seed``; the order of ``clips``
    does not matter.

    Args:
        fractions: Share of the clips per split, summing to 1.

    Returns:
        The clips in the order given.

    Raises:
        DataError: A split is unknown, or the fractions do not sum to 1.
    """
    if set(fractions) - set(SPLITS) or abs(sum(fractions.values()) - 1) > 1e-6:
        raise DataError(f"split fractions {dict(fractions)}: use {SPLITS}, summing to 1")
    if not clips:
        return ()
    # in the order of their names, so that the order given changes nothing
    order = sorted(range(len(clips)), key=lambda place: clips[place].clip_id)
    groups = connected_groups([clips[place] for place in order])
    is_fake = np.array([clips[place].is_fake for place in order])
    counts = np.array([np.bincount(is_fake[list(group)], minlength=2) for group in groups])
    chosen = _deal(counts, np.array(list(fractions.values())), np.random.default_rng(seed))
    split_at = {
        order[place]: tuple(fractions)[split]
        for group, split in zip(groups, chosen, strict=True)
        for place in group
    }
    return tuple(replace(clip, split=split_at[place]) for place, clip in enumerate(clips))


def _deal(
    counts: NDArray[np.int64], shares: NDArray[np.float64], rng: np.random.Generator
) -> list[int]:
    """The split of each group; ``counts`` are its genuine and fake clips, ``(groups, 2)``."""
    totals = counts.sum(axis=0)
    wanted = np.maximum(shares[:, None] * totals, 1e-9)  # (splits, classes)
    lacking = wanted.copy()
    chosen = np.zeros(len(counts), dtype=np.int64)
    for group in np.lexsort((rng.random(len(counts)), -counts.sum(axis=1))):
        size = counts[group]
        # how far it lowers sum((held - wanted)² / wanted), a rare class weighing as much
        gain = (size * (2 * lacking - size) / wanted / np.maximum(totals, 1)).sum(axis=1)
        emptier = (lacking / wanted).sum(axis=1)  # decides where the gain is the same
        chosen[group] = np.argmax(np.where(shares > 0, gain + 1e-9 * emptier, -np.inf))
        lacking[chosen[group]] -= size
    return chosen.tolist()


def find_leaks(clips: Sequence[Clip]) -> tuple[Leak, ...]:
    """People, footage and identical files that stand in more than one split."""
    seen: dict[tuple[str, str], set[str]] = {}
    for clip in clips:
        for kind in GROUP_KEYS:
            seen.setdefault((kind, getattr(clip, kind)), set()).add(clip.split)
    return tuple(
        Leak(kind, name, tuple(sorted(splits)))
        for (kind, name), splits in sorted(seen.items())
        if len(splits) > 1
    )


def refuse_leaks(clips: Sequence[Clip]) -> None:
    """Do nothing if the splits are clean.

    Raises:
        DataError: They leak; the first few leaks are named.
    """
    if leaks := find_leaks(clips):
        first = "; ".join(str(leak) for leak in leaks[:3])
        raise DataError(f"{len(leaks)} leak(s) between splits: {first}; assign splits anew")
