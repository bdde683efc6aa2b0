"""Adapter for FaceForensics++ (Rössler et al., ICCV 2019), including DeepFakeDetection.

Files: ``original_sequences/{youtube,actors}/COMPRESSION/videos/004.mp4`` and
``manipulated_sequences/METHOD/COMPRESSION/videos/004_982.mp4`` (footage of 004, face or
expression of 982). COMPRESSION is ``raw`` or ``c0`` (none), or the constant rate factor of H.264,
as in ``c23``. The clips have no sound, and the films of face masks in
``manipulated_sequences/METHOD/masks/`` are left out. The splits are the authors' ``train.json``,
``val.json`` and ``test.json`` (720, 140 and 140 of the videos 000 to 999), of which this package
has a copy; files in the folder or in its ``splits/`` overrule it for the videos that they name.
Nobody publishes splits of the actors' clips of DeepFakeDetection; they are test clips, as in
DeepfakeBench (Yan et al., 2023).
"""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from itertools import chain
from pathlib import Path

from unmask.data.datasets.entry import NONE, DatasetEntry, read_json
from unmask.data.protocols.video_sets import DFD, FFPP
from unmask.errors import DataError
from unmask.preprocessing.media.suffixes import VIDEO_SUFFIXES, list_media
from unmask.records import SPLITS

TREES = ("original_sequences", "manipulated_sequences")
FILE_NAME = re.compile(r"^(?P<target>\d+)(?:_(?P<donor>\d+))?(?:__(?P<scene>.+?)(?:__\w+)?)?$")
MASKS = "masks"
ACTOR_FOLDERS = ("actors", "DeepFakeDetection")


def matches(folder: Path) -> bool:
    """Return whether one of the two folders exists."""
    return any((folder / tree).is_dir() for tree in TREES)


def iter_entries(folder: Path) -> Iterator[DatasetEntry]:
    """Yield an entry per video whose name follows the scheme of the data set.

    Raises:
        DataError: A file of splits is empty or no list of pairs of videos, or two name one video.
    """
    pairs, splits = official_splits(folder)
    videos = []
    for tree in TREES:
        for path in list_media(folder / tree, VIDEO_SUFFIXES):
            name = FILE_NAME.match(path.stem)
            if name and MASKS not in path.relative_to(folder / tree).parts:
                videos.append((path, path.relative_to(folder / tree).parts, name))
                if name["donor"]:
                    pairs[name["target"]] = name["donor"]
    for path, (method, *folders), name in videos:
        if method in ACTOR_FOLDERS:
            entry = _actor_entry(path, name)
        else:
            entry = _youtube_entry(path, method, name, pairs, splits)
        levels = [level for level in FFPP.compressions if level in folders]
        yield replace(entry, compression="".join(levels))


def _youtube_entry(
    path: Path, method: str, name: re.Match[str], pairs: dict[str, str], splits: dict[str, str]
) -> DatasetEntry:
    target = name["target"]
    # the two videos of a pair swap faces with each other: both people count as one identity
    person = min(target, pairs.get(target, target))
    return DatasetEntry(
        path=path,
        source=FFPP.name,
        identity=f"youtube{person}",
        pair_id=f"youtube{target}",
        manipulation=method if name["donor"] else NONE,
        fake_video=bool(name["donor"]),
        fake_audio=False,
        licence=FFPP.licence,
        split=splits.get(target),
    )


def _actor_entry(path: Path, name: re.Match[str]) -> DatasetEntry:
    # every actor is swapped with every other: joining donors would merge all actors into one
    return DatasetEntry(
        path=path,
        source=DFD.name,
        identity=f"actor{name['target']}",
        pair_id=f"actor{name['target']}_{name['scene']}",
        manipulation="DeepFakeDetection" if name["donor"] else NONE,
        fake_video=bool(name["donor"]),
        fake_audio=False,
        licence=FFPP.licence,
        split="test",
    )


def official_splits(folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Return the partner and the split of each video, as the authors' files define them.

    Raises:
        DataError: A file of the folder is empty or no list of pairs of videos, or two name one
            video.
    """
    pairs: dict[str, str] = {}
    splits: dict[str, str] = {}
    for split, videos in (*_packaged_splits().items(), *_splits_in(folder)):
        for target, donor in videos:
            pairs |= {target: donor, donor: target}
            splits |= {target: split, donor: split}
    return pairs, splits


def _splits_in(folder: Path) -> Iterator[tuple[str, list[list[str]]]]:
    """Yield the split and the pairs of videos of each file in the folder."""
    file_of: dict[str, Path] = {}
    for name in SPLITS:
        for file in (folder / f"{name}.json", folder / "splits" / f"{name}.json"):
            if file.is_file():
                pairs = _pairs_of(file)
                for video in chain.from_iterable(pairs):
                    if (other := file_of.setdefault(video, file)).name != file.name:
                        raise DataError(
                            f"{file}: video {video} is also in {other}; a video is in one split, "
                            "so copy both files of the authors again"
                        )
                yield name, pairs


def _pairs_of(file: Path) -> list[list[str]]:
    content = read_json(file)
    rows = content if isinstance(content, list) else []
    is_valid = [
        isinstance(row, list) and len(row) == 2 and all(isinstance(each, str) for each in row)
        for row in rows
    ]
    if not rows or not all(is_valid):
        where = f"entry {is_valid.index(False) + 1} of {len(rows)}" if rows else "the file"
        raise DataError(
            f'{file}: {where} is no pair of videos, as in the list [["071", "054"], …]; '
            "copy the authors' file again, or delete it to use the copy in this package"
        )
    return rows


def _packaged_splits() -> dict[str, list[list[str]]]:
    content = files("unmask.data.protocols").joinpath("ffpp_splits.json").read_text("utf-8")
    table = json.loads(content)
    return {name: [pair.split("_") for pair in table[name].split()] for name in SPLITS}
