"""What a data set is used for, and the splits that its clips get.

A clip that the authors assign to a split keeps it. The others are dealt among the splits that the
authors leave open; there they share no person and no footage. Where the authors publish test clips,
no other clip is dealt into test, whichever part of the set a folder holds. Where a folder holds
their train and no val, val is taken from train. A sealed split is made on request: of a whole data
set by its role, or as a share of the clips of a set for which the authors assign no split at all.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from unmask.data.datasets.entry import DatasetEntry
from unmask.data.protocols.protocol import Protocol
from unmask.data.protocols.registry import PROTOCOLS
from unmask.data.splits import FRACTIONS, Leak, assign_splits, connected_groups, find_leaks
from unmask.errors import DataError
from unmask.records import SEALED, SPLITS, Clip

log = logging.getLogger(__name__)

# and the splits that each must have
ROLES = {"train": ("train", "val"), "test": ("test",), "both": SPLITS, SEALED: (SEALED,)}
Labelled = TypeVar("Labelled", DatasetEntry, Clip)


def select_for_role(rows: Sequence[Labelled], role: str, root: Path) -> list[Labelled]:
    """Return the rows that a data set of that role contributes.

    Args:
        role: ``train`` leaves test rows out; ``test`` keeps those alone, or all rows if there are
            none; ``both`` keeps all rows; ``sealed`` keeps the sealed rows, or those that ``test``
            would. ``train`` and ``test`` leave sealed rows out.

    Raises:
        DataError: The role is unknown, or the data set of the folder ``root`` has nothing for it.
    """
    if role not in ROLES:
        raise DataError(f"{root}: role {role!r} is unknown; use one of {', '.join(ROLES)}")
    if role == "both":
        return list(rows)
    if role == SEALED and (sealed := [row for row in rows if row.split == SEALED]):
        return sealed
    unsealed = [row for row in rows if row.split != SEALED]
    if rows and not unsealed:
        raise DataError(f"{root}: all {len(rows)} clips are sealed; use role {SEALED}")
    if role in ("test", SEALED):
        return [row for row in unsealed if row.split == "test"] or unsealed
    if rows and not (others := [row for row in unsealed if row.split != "test"]):
        raise DataError(f"{root}: all {len(unsealed)} clips are test clips; use role test")
    return others


def leave_out_tuning(
    entries: Sequence[DatasetEntry], role: str, protocols: Sequence[Protocol]
) -> list[DatasetEntry]:
    """Return the entries without those of sets for testing that are no test clips.

    Only role ``both`` leaves them out. It means ``test`` for such a set, also in the folder of
    another, as ``progress`` of ASVspoof 2021 beside ASVspoof 2019.
    """
    names = {protocol.name for protocol in protocols if protocol.role == "test"}
    return [
        entry
        for entry in entries
        if role != "both" or entry.source not in names or entry.split in ("test", SEALED)
    ]


def settle_role(
    role: str, protocols: Sequence[Protocol], root: Path, is_trainable: bool = True
) -> str:
    """Return the role, which is ``test`` for ``both`` where the data sets are for testing alone.

    A warning says so, and another that someone trains on such a set.

    Args:
        protocols: What the authors of the sets in the folder ``root`` say.
        is_trainable: Whether the folder has more than test clips.
    """
    if not protocols or any(protocol.role != "test" for protocol in protocols):
        return role
    names = ", ".join(protocol.name for protocol in protocols)
    if role == "train" and is_trainable:
        log.warning(
            "%s: %s is for testing (%s); after training on it, no score on it is on unknown data",
            root,
            names,
            protocols[0].splits,
        )
    if role != "both":
        return role
    log.warning(
        "%s: %s is for testing (%s), so role both means test%s",
        root,
        names,
        protocols[0].splits,
        "; role train trains on it" * is_trainable,
    )
    return "test"


def check_official_test(
    entries: Sequence[DatasetEntry], role: str, protocols: Sequence[Protocol], root: Path
) -> None:
    """Check that the authors' test clips are there, if the role needs them.

    Raises:
        DataError: They publish which clips are test clips, and none of the entries is one.
    """
    if role == "train" or any(entry.split in ("test", SEALED) for entry in entries):
        return
    for protocol in protocols:
        if protocol.official_test:
            raise DataError(
                f"{root}: none of {len(entries)} clips is one of the official test clips of "
                f"{protocol.name} (splits: {protocol.splits}); add them or the authors' list of "
                "them, or use the data set with role train: --data NAME=FOLDER:train, or "
                "unmask data ingest --role train"
            )


def check_stated_test(clips: Sequence[Clip], role: str, root: Path) -> None:
    """Check that no clip of a published split becomes a test clip because a manifest has none.

    Args:
        clips: What :func:`select_for_role` leaves of a manifest. Its own splits are kept with the
            roles ``both`` and ``train``.

    Raises:
        DataError: None is a test or sealed clip, the role needs some, and the authors of a set
            among the clips publish which ones are. A source that is no published set counts if
            one of its clips has an official split.
    """
    if role not in ("test", SEALED) or any(clip.split in ("test", SEALED) for clip in clips):
        return
    published = {name for name, protocol in PROTOCOLS.items() if protocol.official_test}
    sources = {clip.source for clip in clips if clip.official_split or clip.source in published}
    if sources:
        raise DataError(
            f"{root}: none of {len(clips)} clips of the manifest is a test clip, and the authors "
            f"of {', '.join(sorted(sources))} publish which ones are; add their test clips, or use "
            "the manifest for training: --data NAME=FOLDER:train"
        )


def complete_splits(
    clips: Sequence[Clip],
    stated: Sequence[str | None],
    role: str,
    seed: int,
    sealed_share: float = 0.0,
    official_test: bool = False,
) -> tuple[Clip, ...]:
    """Give the clips their stated splits, and deal the others among the splits left open.

    Args:
        stated: Split of each clip, or ``None``. A split that the role does not have counts as
            ``None``.
        role: One of ``ROLES``. With ``both``, clips that are stated as sealed stay so.
        sealed_share: Share of the clips to seal where no split is stated and the role is ``both``.
        official_test: Whether the authors publish which clips are test clips. No other clip is
            dealt into test then, and one beside their train and val goes into train.

    Returns:
        The clips in the order given. Those that were dealt have no official split, but for official
        test clips that are sealed.
    """
    known = (*SPLITS, SEALED) if role == "both" else ROLES[role]
    if sealed_share and role == "both" and set(stated) & set(known):
        log.warning(
            "%s has splits, so no share of it is sealed; role %s seals its test clips",
            ", ".join(sorted({clip.source for clip in clips})),
            SEALED,
        )
        sealed_share = 0.0
    fractions = _fractions(stated, role, sealed_share, official_test)
    others = [clip for clip, split in zip(clips, stated, strict=True) if split not in known]
    dealt = iter(assign_splits(others, fractions, seed))
    return tuple(
        replace(clip, split=split) if split in known else _mark_dealt(next(dealt), split)
        for clip, split in zip(clips, stated, strict=True)
    )


def _mark_dealt(clip: Clip, stated: str | None) -> Clip:
    """Return a clip that was dealt; the authors still say that a sealed test clip is one."""
    is_kept = clip.split == SEALED and stated == "test"
    return clip if is_kept else replace(clip, official_split=False)


def warn_of_changes(stated: Sequence[Clip], clips: Sequence[Clip], role: str, root: Path) -> None:
    """Warn that clips are in another split than a manifest states.

    No clip that it states as a test clip is among them, but for those that the role seals.
    """
    pairs = ((old.split, new.split) for old, new in zip(stated, clips, strict=True))
    changes = Counter(pair for pair in pairs if pair[0] != pair[1])
    for (old, new), count in sorted(changes.items()):
        log.warning("%s: role %s puts %d clips of split %s into %s", root, role, count, old, new)


def _fractions(
    stated: Sequence[str | None], role: str, sealed_share: float, official_test: bool
) -> dict[str, float]:
    """Return the share of each split among the clips whose split is not stated."""
    if role == SEALED:
        return {SEALED: 1.0}
    names = ROLES[role]
    left_open = [name for name in names if name not in stated]
    if official_test and "train" in names:
        left_open = [name for name in left_open if name != "test"] or ["train"]
    left_open = left_open or list(names)
    total = sum(FRACTIONS[name] for name in left_open)
    fractions = {name: FRACTIONS[name] / total for name in left_open}
    if role != "both" or not sealed_share:
        return fractions
    shares = {name: share * (1 - sealed_share) for name, share in fractions.items()}
    return {**shares, SEALED: sealed_share}


def open_train(splits: Sequence[str | None]) -> list[str | None]:
    """Return the authors' splits; their train is left open where they publish no val."""
    return [None if split == "train" and "val" not in splits else split for split in splits]


def check_splits(
    clips: Sequence[Clip], splits: Sequence[str], root: Path, skipped: Sequence[str] = ()
) -> None:
    """Check that no split is empty.

    Args:
        skipped: Why files of the data set are not among the clips.

    Raises:
        DataError: One of ``splits`` is.
    """
    if empty := [name for name in splits if name not in {clip.split for clip in clips}]:
        absent = f" ({len(skipped)} files were skipped, first: {skipped[0]})" if skipped else ""
        raise DataError(
            f"{root}: nothing is in split {' and '.join(empty)}: {len(clips)} clips{absent} of "
            f"{len(connected_groups(clips))} groups that share a person or footage do not fill "
            f"{', '.join(splits)}; add clips of other people, name the people (real/PERSON/ "
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
