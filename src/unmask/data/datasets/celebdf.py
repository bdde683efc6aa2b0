"""Adapter for Celeb-DF v2 (Li et al., CVPR 2020) and Celeb-DF++ (Li et al., 2025).

Files: ``Celeb-real/id0_0000.mp4``, ``Celeb-synthesis/id0_id1_0000.mp4`` (footage of id0, face of
id1), ``YouTube-real/00000.mp4`` and ``List_of_testing_videos.txt``. In Celeb-DF++ the forgeries are
in folders of a scenario and a method: ``Celeb-synthesis/TalkingFace/FLOAT/id0_0000_test_….mp4`` is
made from the recording 0000 of id0 and from speech of VoxCeleb2. Every celebrity is swapped with
many others, so the identity of a clip is the person in the original footage, not the face donor.
People of the test list also appear in clips off the list. The case of folder names is ignored:
github.com/mapooon/SelfBlendedImages (README.md), for one, writes ``Youtube-real``.
"""

import logging
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from unmask.data.datasets.entry import NONE, DatasetEntry, look_up, read_text
from unmask.data.protocols.protocol import Protocol
from unmask.data.protocols.video_sets import CELEB_DF_PP, CELEB_DF_V2
from unmask.errors import DataError
from unmask.preprocessing.media.suffixes import VIDEO_SUFFIXES, list_media

REAL, SYNTHESIS, YOUTUBE = "Celeb-real", "Celeb-synthesis", "YouTube-real"
TREES = (REAL, SYNTHESIS, YOUTUBE)
TEST_LIST = "List_of_testing_videos.txt"
TALKING = "TalkingFace"
SCENARIOS = ("FaceSwap", "FaceReenact", TALKING)  # folders of Celeb-DF++
FILE_NAME = re.compile(r"^(?P<target>id\d+)_(?:(?P<donor>id\d+)_)?(?P<recording>\d+)(?:_.+)?$")
CANONICAL = {name.lower(): name for name in (*TREES, *SCENARIOS)}

log = logging.getLogger(__name__)


def matches(folder: Path) -> bool:
    """Return whether the folders of genuine and of synthesised celebrity videos exist."""
    return {REAL, SYNTHESIS} <= {_canonical(path.name) for path in _subfolders(folder)}


def iter_entries(folder: Path) -> Iterator[DatasetEntry]:
    """Yield an entry per video; those on the authors' test list get the split ``test``.

    A warning tells how many clips of the list are missing.

    Raises:
        DataError: The list is empty, or a line has another form or contradicts its folder.
    """
    tests = _test_list(folder / TEST_LIST)
    trees = [path for path in _subfolders(folder) if _canonical(path.name) in TREES]
    trees.sort(key=lambda path: TREES.index(_canonical(path.name)))
    forged = [
        path for tree in trees if _canonical(tree.name) == SYNTHESIS for path in _subfolders(tree)
    ]
    is_plus = any(_canonical(path.name) in SCENARIOS for path in forged)
    protocol = CELEB_DF_PP if is_plus else CELEB_DF_V2
    seen = set()
    for tree in trees:
        for path in list_media(tree, VIDEO_SUFFIXES):
            key = _test_key(path.relative_to(folder).parts)
            seen |= {key} & tests
            yield _entry(path, key, protocol, "test" if key in tests else None)
    _warn_of_missing(folder / TEST_LIST, len(tests), len(seen))


def _entry(
    path: Path, key: tuple[str, str, str], protocol: Protocol, split: str | None
) -> DatasetEntry:
    tree, method, _ = key
    name = FILE_NAME.match(path.stem)
    person = name["target"] if name else f"{tree}_{path.stem}"
    is_fake = tree == SYNTHESIS
    # the authors do not state whether the sound of a talking face is the speech it was made from
    is_talking = is_fake and method.startswith(TALKING)
    return DatasetEntry(
        path=path,
        source=protocol.name,
        identity=person,
        pair_id=f"{person}_{name['recording']}" if name else person,
        manipulation=method if is_fake else NONE,
        fake_video=is_fake,
        fake_audio=None if is_talking else False,
        licence=protocol.licence,
        split=split,
    )


def _canonical(folder_name: str) -> str:
    """Return a folder's name as the authors write it; that of another folder unchanged."""
    return CANONICAL.get(folder_name.lower(), folder_name)


def _subfolders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir())


def _test_key(parts: Sequence[str]) -> tuple[str, str, str]:
    """Return tree, method and name of a video by the parts of its path below the data set.

    Some copies have further folders below the first.
    """
    tree, *folders, name = parts
    scenario = _canonical(folders[0]) if folders else ""
    method = "-".join([scenario, *folders[1:]]) if scenario in SCENARIOS else "faceswap"
    return _canonical(tree), method, name.lower()


def _test_list(file: Path) -> set[tuple[str, str, str]]:
    """Return tree, method and name of each test video; a line reads ``1 YouTube-real/00170.mp4``.

    Raises:
        DataError: The list is empty, or a line has another form or contradicts its folder.
    """
    if not file.is_file():
        log.warning("%s: is missing, so nobody knows which clips are test clips", file)
        return set()
    lines = read_text(file).splitlines()
    rows = [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip()]
    if not rows:
        raise DataError(f"{file}: names no clip; copy the list of the authors again")
    return {_listed(file, number, line) for number, line in rows}


def _listed(file: Path, number: int, line: str) -> tuple[str, str, str]:
    """Return tree, method and name of the video of one line."""
    label, *path = line.split(maxsplit=1)
    parts = PurePosixPath("".join(path).replace("\\", "/")).parts
    if len(parts) < 2 or _canonical(parts[0]) not in TREES:
        raise DataError(
            f"{file}: row {number}: {line!r} is not a label and a video, such as "
            f"'1 {YOUTUBE}/00170.mp4'; copy the list of the authors again"
        )
    key = _test_key(parts)
    if look_up(label, CELEB_DF_V2.labels, file, number) != (key[0] == SYNTHESIS):
        raise DataError(
            f"{file}: row {number}: label {label} contradicts the folder {key[0]}: 1 is genuine, "
            "0 is fake; copy the list of the authors again"
        )
    return key


def _warn_of_missing(file: Path, listed: int, seen: int) -> None:
    if seen < listed:
        log.warning("%s: %d of %d clips of the list are missing", file, listed - seen, listed)
