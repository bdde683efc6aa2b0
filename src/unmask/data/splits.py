"""Train, validation, test and sealed splits that share no person, no footage and no file.

Every decision about a detector is made on train, val and test. A sealed test split estimates what
the chosen detector does on clips that no decision has seen; :func:`separate_sealed` keeps it apart.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from unmask.errors import DataError
from unmask.records import SEALED, SPLITS, Clip

FRACTIONS = {"train": 0.6, "val": 0.2, "test": 0.2}
GROUP_KEYS = ("identity", "pair_id", "sha256")  # clips that share one of these stay together
TOLERANCE = 1e-6  # of the sum of the fractions
EPS = 1e-9


@dataclass(frozen=True, slots=True)
class Leak:
    """A person, footage or file that occurs in more than one split.

    Attributes:
        kind: ``identity``, ``pair_id`` or ``sha256``.
        name: The value that is shared.
        official: Whether the authors of the data set publish it so: all clips with the value are of
            one data set, none in ``test`` but theirs has it, and all that they leave open are in
            one split. Never of a sealed clip.
    """

    kind: str
    name: str
    splits: tuple[str, ...]
    official: bool = False

    def __str__(self) -> str:
        """Return the leak as part of a sentence."""
        return f"{self.kind} {self.name} in {' and '.join(self.splits)}"


def data_set(clip: Clip) -> str:
    """Return the published data set of a clip, or its source: one name for all parts of a set."""
    return clip.published_set or clip.source


def connected_groups(
    clips: Sequence[Clip], keys: Sequence[str] = GROUP_KEYS
) -> tuple[tuple[int, ...], ...]:
    """Return the positions of clips that must stay together, largest group first.

    Clips belong together if they share one of ``keys``, directly or through other clips; by default
    a person, footage (``pair_id``) or every byte.
    """
    if not clips:
        return ()
    # bipartite graph: the clips are the first nodes, the values they share the nodes after them
    value_nodes: dict[tuple[str, str], int] = {}
    edges = [
        (
            position,
            value_nodes.setdefault((key, getattr(clip, key)), len(clips) + len(value_nodes)),
        )
        for position, clip in enumerate(clips)
        for key in keys
    ]
    nodes = len(clips) + len(value_nodes)
    graph = coo_array((np.ones(len(edges)), tuple(np.array(edges).T)), shape=(nodes, nodes))
    _, group_of = connected_components(graph, directed=False)
    members: dict[int, list[int]] = {}
    for position, group in enumerate(group_of[: len(clips)]):
        members.setdefault(int(group), []).append(position)
    groups = (tuple(positions) for positions in members.values())
    return tuple(sorted(groups, key=lambda group: (-len(group), group)))


def assign_splits(
    clips: Sequence[Clip],
    fractions: Mapping[str, float] = FRACTIONS,
    seed: int = 0,
    keys: Sequence[str] = GROUP_KEYS,
) -> tuple[Clip, ...]:
    """Assign a split to every clip so that no person and no footage is in two of them.

    Greedy: whole connected groups, large ones first, go to the split where they bring the number
    of genuine and fake clips closest to ``fractions``. Groups of equal size are assigned in an
    order drawn from ``seed``; the order of ``clips`` has no effect.

    Args:
        fractions: Share of the clips per split; must sum to 1.
        keys: See :func:`connected_groups`.

    Returns:
        The clips in the order given.

    Raises:
        DataError: A split is unknown, or the fractions do not sum to 1.
    """
    names = (*SPLITS, SEALED)
    if set(fractions) - set(names) or abs(sum(fractions.values()) - 1) > TOLERANCE:
        raise DataError(f"split fractions {dict(fractions)}: use {names}, summing to 1")
    if not clips:
        return ()
    assigned = assign_groups(clips, connected_groups(clips, keys), list(fractions.values()), seed)
    splits = tuple(fractions)
    return tuple(
        replace(clip, split=splits[number]) for clip, number in zip(clips, assigned, strict=True)
    )


def assign_groups(
    clips: Sequence[Clip],
    groups: Sequence[Sequence[int]],
    fractions: Sequence[float],
    seed: int,
) -> list[int]:
    """Return the number of the part that each clip belongs to; see :func:`assign_splits`.

    Args:
        groups: Positions of clips that stay together.
        fractions: Share of each part; sums to 1.
    """
    rank = np.argsort(np.argsort([clip.clip_id for clip in clips], kind="stable"))
    ordered = sorted(groups, key=lambda group: (-len(group), sorted(rank[list(group)])))
    is_fake = np.array([clip.is_fake for clip in clips])
    counts = np.array([np.bincount(is_fake[list(group)], minlength=2) for group in ordered])
    splits = _assign_counts(counts, np.array(fractions), np.random.default_rng(seed))
    number_of = {
        position: split for group, split in zip(ordered, splits, strict=True) for position in group
    }
    return [number_of[position] for position in range(len(clips))]


def _assign_counts(
    counts: NDArray[np.int64], fractions: NDArray[np.float64], rng: np.random.Generator
) -> list[int]:
    """Return the split of each group.

    Args:
        counts: Genuine and fake clips of each group, shape ``(groups, 2)``.
        fractions: Share of each split, shape ``(splits,)``.
    """
    totals = counts.sum(axis=0)
    target = np.maximum(fractions[:, None] * totals, EPS)  # (splits, classes)
    missing = target.copy()
    splits = np.zeros(len(counts), dtype=np.int64)
    for group in np.lexsort((rng.random(len(counts)), -counts.sum(axis=1))):
        size = counts[group]
        # decrease of sum((assigned - target)² / target); a rare class weighs as much as the other
        gain = (size * (2 * missing - size) / target / np.maximum(totals, 1)).sum(axis=1)
        emptiness = (missing / target).sum(axis=1)  # breaks ties
        splits[group] = np.argmax(np.where(fractions > 0, gain + EPS * emptiness, -np.inf))
        missing[splits[group]] -= size
    return _fill_empty_splits(splits, counts.sum(axis=1), fractions).tolist()


def _fill_empty_splits(
    splits: NDArray[np.int64], sizes: NDArray[np.int64], fractions: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Move the smallest group of a split with several ones to each split without any."""
    for empty in np.setdiff1d(np.flatnonzero(fractions > 0), splits):
        spare = np.flatnonzero(np.bincount(splits, minlength=len(fractions))[splits] > 1)
        if len(spare):
            splits[spare[np.argmin(sizes[spare])]] = empty
    return splits


def assign_folds(clips: Sequence[Clip], folds: int, seed: int = 0) -> tuple[int, ...]:
    """Return the fold of each clip; no two folds share a person, footage or file, nor a source.

    Folds share sources where there are fewer sources than folds. Genuine and fake clips are spread
    as by :func:`assign_splits`.

    Raises:
        DataError: There are fewer people than folds.
    """
    by_source = connected_groups(clips, (*GROUP_KEYS, "source"))
    groups = by_source if len(by_source) >= folds else connected_groups(clips)
    if len(groups) < folds:
        raise DataError(f"{folds} folds of clips of {len(groups)} people; use fewer folds")
    return tuple(assign_groups(clips, groups, [1 / folds] * folds, seed))


def splits_by_group(clips: Sequence[Clip]) -> dict[tuple[str, str], set[str]]:
    """Return the splits in which each person, footage and file occurs.

    Returns:
        Group key (one of ``GROUP_KEYS``) and value, mapped to the names of the splits.
    """
    splits: dict[tuple[str, str], set[str]] = {}
    for clip in clips:
        for key in GROUP_KEYS:
            splits.setdefault((key, getattr(clip, key)), set()).add(clip.split)
    return splits


def find_leaks(clips: Sequence[Clip]) -> tuple[Leak, ...]:
    """Return the data leakage: people, footage and files that occur in more than one split."""
    ours = splits_by_group([clip for clip in clips if not clip.official_split])
    sets: dict[tuple[str, str], set[str]] = {}
    for clip in clips:
        for key in GROUP_KEYS:
            sets.setdefault((key, getattr(clip, key)), set()).add(data_set(clip))
    return tuple(
        Leak(
            *(*group, tuple(sorted(splits))),
            official=len(sets[group]) == 1 and _is_official(splits, ours.get(group, set())),
        )
        for group, splits in sorted(splits_by_group(clips).items())
        if len(splits) > 1
    )


def separate_sealed(clips: Sequence[Clip]) -> tuple[tuple[Clip, ...], tuple[Clip, ...]]:
    """Return the clips of development, and the sealed ones.

    Raises:
        DataError: A person, footage or file of a sealed clip occurs in another split, too.
    """
    sealed = tuple(clip for clip in clips if clip.split == SEALED)
    if not sealed:
        return tuple(clips), ()
    if leaks := [leak for leak in find_leaks(clips) if SEALED in leak.splits]:
        raise DataError(
            f"the sealed split is not apart from the others: {leaks[0]} ({len(leaks)} in all); "
            "put all clips of a person, and all copies of a file, into one split"
        )
    return tuple(clip for clip in clips if clip.split != SEALED), sealed


def separate_own_forgeries(
    clips: Sequence[Clip],
) -> tuple[tuple[Clip, ...], tuple[Clip, ...]]:
    """Return the clips that decisions are made on, and own forgeries of ``val`` and ``test``.

    Those are reported by themselves and decide nothing. Own forgeries of ``train`` are among the
    first, sealed ones among neither.
    """
    natural = tuple(clip for clip in clips if clip.split == "train" or not clip.own_forgery)
    own = tuple(clip for clip in clips if clip.own_forgery and clip.split in ("val", "test"))
    return natural, own


def separate_development(
    clips: Sequence[Clip],
) -> tuple[tuple[Clip, ...], tuple[Clip, ...], tuple[Clip, ...]]:
    """Return the clips of development, the sealed ones, and own forgeries of ``val`` and ``test``.

    Raises:
        DataError: As for :func:`separate_sealed`.
    """
    natural, own = separate_own_forgeries(clips)
    return *separate_sealed(natural), own


def refuse_sealed(splits: Iterable[str]) -> None:
    """Check that a step of development does not ask for sealed clips.

    Raises:
        DataError: One of ``splits`` is sealed.
    """
    if SEALED in splits:
        raise DataError(
            "the sealed split is scored by `python -m pipelines release` alone, which counts how "
            f"often it was opened; use {', '.join(SPLITS)} for everything else"
        )


def select_split(clips: Sequence[Clip], split: str) -> tuple[Clip, ...]:
    """Return the clips of one split of development.

    Raises:
        DataError: The split has no clips, or is sealed.
    """
    refuse_sealed([split])
    subset = tuple(clip for clip in clips if clip.split == split)
    if not subset:
        raise DataError(f"no clip is in split {split!r}; correct the manifest")
    return subset


def _is_official(splits: set[str], unofficial_splits: set[str]) -> bool:
    known = len(unofficial_splits) <= 1 and "test" not in unofficial_splits
    return known and SEALED not in splits
