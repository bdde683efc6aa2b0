"""Several data sets as one: each with a name, a folder and a role."""

import logging
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path

from unmask.data.datasets.copies import leave_out_copies
from unmask.data.datasets.ingest import ScanResult, log_skipped, scan_dataset
from unmask.data.datasets.roles import ROLES, warn_of_leaks
from unmask.data.datasets.source_names import find_published_set, name_sources, use_aliases
from unmask.errors import ConfigError
from unmask.records import SEALED, Clip

log = logging.getLogger(__name__)
NAME = re.compile(r"[A-Za-z0-9][\w.-]*", re.ASCII)
FORMS = "FOLDER, NAME=FOLDER, NAME=FOLDER:ROLE or NAME=FOLDER:ROLE:WEIGHT"


@dataclass(frozen=True, slots=True)
class DataSource:
    """A data set of a run.

    Attributes:
        name: Names the source of its clips; empty to keep the sources that the data set names,
            published sets by their aliases.
        role: One of :data:`unmask.data.datasets.roles.ROLES`.
        weight: Share of its clips in training, relative to 1 for the other sets; ``None`` if not
            given.
    """

    name: str
    folder: Path
    role: str = "both"
    weight: float | None = None


def parse_data_source(text: str, role: str = "both") -> DataSource:
    """Parse ``FOLDER``, ``NAME=FOLDER``, ``NAME=FOLDER:ROLE`` or ``NAME=FOLDER:ROLE:WEIGHT``.

    Args:
        role: Role of a data set for which the text names none.

    Raises:
        ConfigError: The text has another form, names an unknown role of a folder that exists, or
            has a weight that is no positive number, of a set without a name, or of one that is
            never trained on.

    Example:
        >>> parse_data_source("celebdf=sets/Celeb-DF-v2:test").role
        'test'
        >>> parse_data_source("ffpp=sets/FF++:train:2").weight
        2.0
    """
    name, equals, rest = text.partition("=")
    rest, weight = _split_weight(rest if equals else text, text)
    folder, colon, stated = rest.rpartition(":")
    if not colon or stated not in ROLES:
        _refuse_unknown_role(text, rest)
        folder, stated = rest, role
    if not folder or (equals and not NAME.fullmatch(name)):
        raise ConfigError(
            f"data {text!r}: write {FORMS} with a name of letters, digits, -, _ and ., and a role "
            f"of {', '.join(ROLES)}"
        )
    if weight is not None and not equals:
        raise ConfigError(f"data {text!r}: a weight needs a name, NAME=FOLDER:ROLE:WEIGHT")
    if weight is not None and "train" not in ROLES[stated]:
        raise ConfigError(
            f"data {text!r}: has a weight, but the role {stated}, which is never trained on; "
            "remove the weight"
        )
    return DataSource(name if equals else "", Path(folder), stated, weight)


def _split_weight(rest: str, text: str) -> tuple[str, float | None]:
    """Return what stands before a weight, and the weight; only a role may stand before one."""
    head, _, stated = rest.rpartition(":")
    if stated in ROLES or ":" not in head or head.rpartition(":")[2] not in ROLES:
        return rest, None
    try:
        weight = float(stated)
    except ValueError:
        weight = math.nan
    if math.isfinite(weight) and weight > 0:
        return head, weight
    if Path(rest).exists():
        return rest, None
    raise ConfigError(f"data {text!r}: weight {stated!r} is no number above 0, such as 2 or 0.5")


def _refuse_unknown_role(text: str, rest: str) -> None:
    """Refuse a mistyped role, which would count as a part of the folder's name."""
    folder, _, stated = rest.rpartition(":")
    if folder and Path(folder).is_dir() and not Path(rest).exists():
        raise ConfigError(
            f"data {text!r}: unknown role {stated!r}; use one of {', '.join(ROLES)}; a weight "
            "stands behind the role"
        )


def parse_test_sets(texts: Sequence[str]) -> tuple[DataSource, ...]:
    """Parse data sets that are only tested on, ``NAME=FOLDER`` each.

    Raises:
        ConfigError: A text has another form or role, or a set has no name or folder of its own.
    """
    sources = tuple(parse_data_source(text, role="test") for text in texts)
    for source in sources:
        if source.role != "test":
            raise ConfigError(
                f"data set {source.name or source.folder}: role {source.role} is not for an "
                "evaluation, which scores test clips alone; leave the role out"
            )
    check_names(sources)
    check_folders(sources)
    return sources


def check_names(sources: Sequence[DataSource]) -> None:
    """Check that each data set has a name that no other has.

    Raises:
        ConfigError: One has not.
    """
    counts = Counter(source.name for source in sources)
    if repeated := [name for name, count in counts.items() if count > 1 or not name]:
        raise ConfigError(
            f"data: {repeated[0] or 'a folder without a name'!r} does not tell several data sets "
            "apart; give each a name of its own: NAME=FOLDER"
        )


def scan_sources(
    sources: Sequence[DataSource], seed: int = 0, jobs: int = 2, sealed_share: float = 0.0
) -> ScanResult:
    """Convert data sets to the clips of one run; log the files that cannot be read.

    The names of the sets keep apart clips, people and footage of the same name. The source of a
    clip is the name of its set (:mod:`unmask.data.datasets.source_names`). Parts of one published
    set stay one set under several names (``Clip.published_set``): their people are the same, but
    for those of a sealed part, whose official test clips may share people with the others. Of a
    file that two sets hold, one clip is kept; see
    :func:`unmask.data.datasets.copies.leave_out_copies`.

    Args:
        sealed_share: See :func:`scan_dataset`.

    Raises:
        ConfigError: Two sets have one name or one folder, a folder lies in that of another set,
            one of several has no name, or has the name of a part of another.
        DataError: A data set cannot be read (see :func:`scan_dataset`), two sets contradict each
            other about a file, or one has nothing that another has not.
    """
    if len(sources) > 1:
        check_names(sources)
        check_folders(sources)
    scans = []
    for source in sources:
        scan = scan_dataset(source.folder, seed, jobs, source.role, sealed_share)
        log_skipped(scan, source.folder)
        scans.append(scan)
    holders = _find_holders(sources, scans)
    _warn_of_one_set_under_two_names(holders)
    pairs = zip(sources, scans, strict=True)
    named = [_name_clips(scan, source, holders) for source, scan in pairs]
    _check_parts(sources, named)
    clips = tuple(clip for part in named for clip in part)
    if len(scans) > 1:
        clips = leave_out_copies(clips, "all data sets")
    leaks = scans[0].leaks if len(scans) == 1 else warn_of_leaks(clips, "all data sets")
    unknown = sum((Counter(scan.unknown) for scan in scans), Counter())
    return ScanResult(clips, tuple(file for scan in scans for file in scan.skipped), unknown, leaks)


def check_folders(sources: Sequence[DataSource]) -> None:
    """Refuse a folder under two names, which would hide that its people are the same.

    Raises:
        ConfigError: A folder is that of another set, or lies in it.
    """
    for inner, outer in permutations(sources, 2):
        if inner.folder.resolve().is_relative_to(outer.folder.resolve()):
            if SEALED in (inner.role, outer.role):
                remedy = f"seal a data set as a whole, or a part by a manifest.csv, split {SEALED}"
            else:
                role = "" if inner.role == outer.role else ", with role both"
                remedy = f"give the folder once{role}: {outer.name}={outer.folder}"
            raise ConfigError(
                f"data {inner.name}={inner.folder}: is also part of {outer.name}={outer.folder}; "
                f"two names would hide that people and files are the same; {remedy}"
            )


def _find_holders(
    sources: Sequence[DataSource], scans: Sequence[ScanResult]
) -> dict[str, list[DataSource]]:
    """Return the data sets that hold clips of each published set."""
    holders: dict[str, list[DataSource]] = {}
    for source, scan in zip(sources, scans, strict=True):
        for published in sorted({find_published_set(clip) for clip in scan.clips} - {""}):
            holders.setdefault(published, []).append(source)
    return holders


def _warn_of_one_set_under_two_names(holders: Mapping[str, Sequence[DataSource]]) -> None:
    """Warn that two folders are parts of one published set."""
    for published, held in holders.items():
        if len(held) > 1:
            log.warning(
                "%s is in %s: parts of one published set, of which none is a data set that was "
                "never trained on if another is trained on%s; put the folders together and give "
                "them one name",
                published,
                " and ".join(source.name for source in held),
                ", and people of the sealed part count as others" * _is_partly_sealed(held),
            )


def _is_partly_sealed(held: Sequence[DataSource]) -> bool:
    return SEALED in {source.role for source in held}


def _check_parts(sources: Sequence[DataSource], named: Sequence[Sequence[Clip]]) -> None:
    """Refuse the name of a set that is also that of a part of another."""
    names = {source.name for source in sources}
    for source, clips in zip(sources, named, strict=True):
        if taken := ({clip.source for clip in clips} & names) - {source.name}:
            raise ConfigError(
                f"data: {min(taken)!r} names a data set and a part of {source.name}="
                f"{source.folder}; give one of them another name"
            )


def _name_clips(
    scan: ScanResult, source: DataSource, holders: Mapping[str, Sequence[DataSource]]
) -> tuple[Clip, ...]:
    if not source.name:
        return use_aliases(scan.clips)
    names = name_sources(scan.clips, source.name, scan.sources)
    return tuple(
        _name_clip(clip, name, source.name, _name_people(clip, source, holders))
        for clip, name in zip(scan.clips, names, strict=True)
    )


def _name_clip(clip: Clip, source: str, name: str, people: str) -> Clip:
    return replace(
        clip,
        clip_id=f"{name}__{clip.clip_id}",
        source=source,
        identity=f"{people}/{clip.identity}",
        pair_id=f"{people}/{clip.pair_id}",
        published_set=find_published_set(clip),
    )


def _name_people(
    clip: Clip, source: DataSource, holders: Mapping[str, Sequence[DataSource]]
) -> str:
    """Return the name that tells a clip's people from those of other sets: that of the first part.

    A sealed part has its own.
    """
    if source.role == SEALED:
        return source.name
    held = holders.get(find_published_set(clip), [source])
    return next(each.name for each in held if each.role != SEALED)
