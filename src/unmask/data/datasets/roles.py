"""What a data set is used for, and the splits that its clips get.

A clip that the authors assign to a split keeps it. The others are dealt among the splits that the
authors leave open; there they share no person and no footage. Where the authors publish train and
test only, val is taken from their train.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from unmask.data.datasets.entry import DatasetEntry
from unmask.data.splits import FRACTIONS, Leak, assign_splits, connected_groups, find_leaks
from unmask.errors import DataError
from unmask.records import SPLITS, Clip

log = logging.getLogger(__name__)

ROLES = {"train": ("train", "val"), "test": ("test",), "both": SPLITS}  # and the splits of each
Labelled = TypeVar("Labelled", DatasetEntry, Clip)


def select_for_role(rows: Sequence[Labelled], role: str, root: Path) -> list[Labelled]:
    """Return the rows that a data set of that role contributes.

    Args:
        role: ``train`` leaves test rows out; ``test`` keeps those alone, or all rows if there are
            none; ``both`` keeps all rows.

    Raises:
        DataError: The role is unknown, or the data set of the folder ``root`` has nothing for it.
    """
    if role not in ROLES:
        raise DataError(f"{root}: role {role!r} is unknown; use one of {', '.join(ROLES)}")
    if role == "both":
        return list(rows)
    if role == "test":
        return [row for row in rows if row.split == "test"] or list(rows)
    if rows and not (others := [row for row in rows if row.split != "test"]):
        raise DataError(f"{root}: all {len(rows)} clips are test clips; use role test")
    return others


def complete_splits(
    clips: Sequence[Clip], stated: Sequence[str | None], role: str, seed: int
) -> tuple[Clip, ...]:
    """Give the clips their stated splits, and deal the others among the splits left open.

    Args:
        stated: Split of each clip, or ``None``. A split that the role does not have counts as
            ``None``.
        role: One of ``ROLES``.

    Returns:
        The clips in the order given; those that were dealt have no official split.
    """
    names = ROLES[role]
    left_open = [name for name in names if name not in stated] or names
    total = sum(FRACTIONS[name] for name in left_open)
    fractions = {name: FRACTIONS[name] / total for name in left_open}
    others = [clip for clip, split in zip(clips, stated, strict=True) if split not in names]
    dealt = iter(assign_splits(others, fractions, seed))
    return tuple(
        replace(clip, split=split) if split in names else replace(next(dealt), official_split=False)
        for clip, split in zip(clips, stated, strict=True)
    )


def open_train(splits: Sequence[str | None]) -> list[str | None]:
    """Return the authors' splits; their train is left open where they publish no val."""
    return [None if split == "train" and "val" not in splits else split for split in splits]


def check_splits(clips: Sequence[Clip], role: str, root: Path) -> None:
    """Check that no split of the role is empty.

    Raises:
        DataError: One is.
    """
    if empty := [name for name in ROLES[role] if name not in {clip.split for clip in clips}]:
        raise DataError(
            f"{root}: nothing is in split {' and '.join(empty)}: {len(clips)} clips of "
            f"{len(connected_groups(clips))} groups that share a person or footage do not fill "
            f"{', '.join(ROLES[role])}; add clips of other people, name the people (real/PERSON/ "
            "or column person_id), give every clip a split of your own in a manifest.csv, or use "
            "the data set for training or testing alone"
        )


def warn_of_leaks(clips: Sequence[Clip], root: Path | str) -> tuple[Leak, ...]:
    """Return the people, footage and files that stand in several splits, after a warning."""
    leaks = find_leaks(clips)
    people = [leak for leak in leaks if leak.kind == "identity"]
    if leaks:
        log.warning(
            "%s: the splits %s share people (%d) and recordings or files (%d), first: %s%s",
            root,
            "of the authors" if all(leak.official for leak in leaks) else "as labelled",
            len(people),
            len(leaks) - len(people),
            (people or leaks)[0],
            "; scores on test measure known people" * any("test" in leak.splits for leak in leaks),
        )
    return leaks
