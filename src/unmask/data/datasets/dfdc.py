"""Adapter for the Deepfake Detection Challenge data set (Dolhansky et al., 2020).

The training set comes in parts; each is a folder with videos and a ``metadata.json`` that maps file
names to ``label`` and ``original``; unpacked archives repeat the folder, as in
``dfdc_train_part_00/dfdc_train_part_0/``, which may lie in a folder such as ``train/``. The
metadata give neither the person nor the method, and do not say whether the face, the voice or both
are forged, as some fakes have a swapped voice. The original footage serves as the identity.

``validation/`` has a ``labels.csv`` with ``filename`` and ``label`` (0 genuine, 1 fake). ``test/``
has a ``metadata.json`` that maps file names to ``is_fake`` (0 or 1) and ``augmentations``, as read
by github.com/zhangchaosd/DeepfakeDatasetsParser (DFDC.py), or a ``labels.csv``, as read by
DeepfakeBench (Yan et al., 2023) and Shiohara & Yamasaki, CVPR 2022. Either may be the folder
itself, with its videos in ``videos/`` or beside the file. Neither names originals, so each video
counts as a person.
"""

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from unmask.data.datasets.entry import (
    NONE,
    DatasetEntry,
    get_field,
    has_columns,
    look_up,
    read_json,
    read_rows,
)
from unmask.data.protocols.video_sets import DFDC
from unmask.errors import DataError

TEST_NAME = re.compile(r"^[a-z]{10}\.mp4$")
VALIDATION_NAME = re.compile(r"^(?:[a-z]{10}|\d+)\.mp4$")
# split of the videos in a table, and how they are named in this data set
TABLES = {
    "labels.csv": ("test", TEST_NAME),
    "test/labels.csv": ("test", TEST_NAME),
    "validation/labels.csv": ("val", VALIDATION_NAME),
}
COLUMNS = ("filename", "label")
TRAIN_FIELD, TEST_FIELD = "label", "is_fake"  # of metadata.json

log = logging.getLogger(__name__)


def matches(folder: Path) -> bool:
    """Return whether a ``metadata.json`` at most three levels below, or a table, exists.

    Raises:
        DataError: Neither exists, but a ``metadata.json`` cannot be read.
    """
    if _tables(folder):
        return True
    unreadable = None
    for file in _metadata(folder):
        try:
            if any(_rows(file)):
                return True
        except DataError as error:
            unreadable = unreadable or error
    if unreadable is not None:
        raise unreadable
    return False


def iter_entries(folder: Path) -> Iterator[DatasetEntry]:
    """Yield an entry per video in the metadata and the tables.

    A table beside metadata of test videos is left out, as it repeats them.

    Raises:
        DataError: A label is absent or unknown.
    """
    tested = set()
    for file in _metadata(folder):
        train, test = _rows(file)
        if not train and not test:
            log.warning("%s: left out, as it has no labels of DFDC", file)
        for number, (name, row) in enumerate(train.items(), start=1):
            label = get_field(row, TRAIN_FIELD, str, file, number)
            is_fake = look_up(label, DFDC.labels, file, number)
            footage = Path(str(row.get("original") or name)).stem
            yield _entry(file.parent / name, footage, is_fake, None)
        for number, (name, row) in enumerate(test.items(), start=1):
            tested.add(file.parent)
            word = str(int(get_field(row, TEST_FIELD, int, file, number)))
            is_fake = look_up(word, DFDC.labels, file, number)
            yield _entry(_videos(file) / name, Path(name).stem, is_fake, "test")
    for file, split in _tables(folder).items():
        for number, row in read_rows(file, COLUMNS) if file.parent not in tested else ():
            is_fake = look_up(row["label"], DFDC.labels, file, number)
            path = _videos(file) / row["filename"]
            yield _entry(path, path.stem, is_fake, split)


def _entry(path: Path, footage: str, is_fake: bool, split: str | None) -> DatasetEntry:
    return DatasetEntry(
        path=path,
        source=DFDC.name,
        identity=footage,
        pair_id=footage,
        manipulation="unknown" if is_fake else NONE,
        fake_video=None if is_fake else False,
        fake_audio=None if is_fake else False,
        licence=DFDC.licence,
        split=split,
    )


def _videos(file: Path) -> Path:
    """Return the folder of the videos that a file of validation or test lists."""
    nested = file.parent / "videos"
    return nested if nested.is_dir() else file.parent


def _tables(folder: Path) -> dict[Path, str]:
    """Return the tables of this data set and their splits."""
    return {
        folder / place: split
        for place, (split, pattern) in TABLES.items()
        if has_columns(folder / place, COLUMNS) and _names_videos(folder / place, pattern)
    }


def _names_videos(file: Path, pattern: re.Pattern[str]) -> bool:
    """Return whether a table of common columns begins with a name as in this data set."""
    first = next(read_rows(file, COLUMNS), None)
    return first is not None and bool(pattern.match(first[1]["filename"]))


def _metadata(folder: Path) -> list[Path]:
    levels = ("metadata.json", "*/metadata.json", "*/*/metadata.json", "*/*/*/metadata.json")
    return sorted(file for level in levels for file in folder.glob(level))


def _rows(file: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the rows of training and those of test videos; none of a file of other data."""
    content = read_json(file)
    rows = content if isinstance(content, dict) else {}
    fields = [row for row in rows.values() if isinstance(row, dict)]
    labels = [row.get(TRAIN_FIELD) for row in fields]
    if any(label in DFDC.labels for label in labels if type(label) is str):
        return rows, {}
    return {}, rows if any(TEST_FIELD in row for row in fields) else {}
