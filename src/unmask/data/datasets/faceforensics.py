"""FaceForensics++ (Rössler et al., ICCV 2019), with its DeepFakeDetection part if present.

``original_sequences/{youtube,actors}/COMPRESSION/videos/004.mp4`` and
``manipulated_sequences/METHOD/COMPRESSION/videos/004_982.mp4``: footage of 004, face or
expression of 982. The clips have no sound. The authors' ``train.json``, ``val.json`` and
``test.json`` are used where they lie in the folder or in its ``splits/``.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from unmask.data.datasets.entry import NONE, DatasetEntry, media_files, read_json
from unmask.records import SPLITS

LICENCE = "FaceForensics++ terms of use (research only)"
TREES = ("original_sequences", "manipulated_sequences")
FILE_NAME = re.compile(r"^(?P<target>\d+)(?:_(?P<donor>\d+))?(?:__(?P<scene>.+?)(?:__\w+)?)?$")
ACTED = ("actors", "DeepFakeDetection")


def recognises(folder: Path) -> bool:
    """Whether one of the two trees is there."""
    return any((folder / tree).is_dir() for tree in TREES)


def listing(folder: Path) -> Iterator[DatasetEntry]:
    """Every video whose name is one that the data set gives."""
    pairs, splits = _official(folder)
    found = []
    for tree in TREES:
        for path in media_files(folder / tree):
            if name := FILE_NAME.match(path.stem):
                found.append((path, path.relative_to(folder / tree).parts[0], name))
                if name["donor"]:
                    pairs[name["target"]] = name["donor"]
    for path, method, name in found:
        yield _acted(path, name) if method in ACTED else _youtube(path, method, name, pairs, splits)


def _youtube(
    path: Path, method: str, name: re.Match[str], pairs: dict[str, str], splits: dict[str, str]
) -> DatasetEntry:
    target = name["target"]
    # two videos lend each other their faces: both people are one identity
    person = min(target, pairs.get(target, target))
    return DatasetEntry(
        path=path,
        source="FaceForensics++",
        identity=f"youtube{person}",
        pair_id=f"youtube{target}",
        manipulation=method if name["donor"] else NONE,
        fake_video=bool(name["donor"]),
        fake_audio=False,
        licence=LICENCE,
        split=splits.get(target),
    )


def _acted(path: Path, name: re.Match[str]) -> DatasetEntry:
    # every actor is swapped with every other: to join donors would join everybody
    return DatasetEntry(
        path=path,
        source="DeepFakeDetection",
        identity=f"actor{name['target']}",
        pair_id=f"actor{name['target']}_{name['scene']}",
        manipulation="DeepFakeDetection" if name["donor"] else NONE,
        fake_video=bool(name["donor"]),
        fake_audio=False,
        licence=LICENCE,
    )


def _official(folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Each video's partner and its split, as the authors' files say."""
    pairs: dict[str, str] = {}
    splits: dict[str, str] = {}
    for split in SPLITS:
        for file in (folder / f"{split}.json", folder / "splits" / f"{split}.json"):
            for target, donor in read_json(file) if file.is_file() else ():
                pairs |= {target: donor, donor: target}
                splits |= {target: split, donor: split}
    return pairs, splits
