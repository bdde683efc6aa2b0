"""Adapter for the Deepfake Detection Challenge data set (Dolhansky et al., 2020).

The set comes in parts; each is a folder with videos and a ``metadata.json`` that maps file names
to ``label`` and ``original``; unpacked archives repeat the folder, as in
``dfdc_train_part_00/dfdc_train_part_0/``, which may lie in a folder such as ``train/``. The
metadata give neither the person nor the method, and do not say whether the face, the voice or both
are forged, as some fakes have a swapped voice. The original footage serves as the identity.

The test set has a ``labels.csv`` with ``filename`` and ``label`` (0 genuine, 1 fake), in the folder
or in ``test/``, as read by DeepfakeBench (Yan et al., 2023) and Shiohara & Yamasaki, CVPR 2022. The
videos are beside it or in ``videos/``. It names no originals: each video counts as a person.
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

TEST_TABLES = ("labels.csv", "test/labels.csv")
TEST_COLUMNS = ("filename", "label")
TEST_NAME = re.compile(r"^[a-z]{10}\.mp4$")

log = logging.getLogger(__name__)


def matches(folder: Path) -> bool:
    """Return whether a ``metadata.json`` at most three levels below, or a test set, exists.

    Raises:
        DataError: Neither exists, but a ``metadata.json`` cannot be read.
    """
    if _test_tables(folder):
        return True
    unreadable = None
    for file in _metadata(folder):
        try:
            if _rows(file):
                return True
        except DataError as error:
            unreadable = unreadable or error
    if unreadable is not None:
        raise unreadable
    return False


def iter_entries(folder: Path) -> Iterator[DatasetEntry]:
    """Yield an entry per video in the metadata of the parts and in the table of the test set.

    Raises:
        DataError: A label is absent or unknown.
    """
    for file in _metadata(folder):
        if not (rows := _rows(file)):
            log.warning("%s: left out, as it has no labels of DFDC", file)
        for number, (name, row) in enumerate(rows.items(), start=1):
            label = get_field(row, "label", str, file, number)
            is_fake = look_up(label, DFDC.labels, file, number)
            footage = Path(str(row.get("original") or name)).stem
            yield _entry(file.parent / name, footage, is_fake, None)
    for file in _test_tables(folder):
        nested = file.parent / "videos"
        videos = nested if nested.is_dir() else file.parent
        for number, row in read_rows(file, TEST_COLUMNS):
            is_fake = look_up(row["label"], DFDC.labels, file, number)
            path = videos / row["filename"]
            yield _entry(path, path.stem, is_fake, "test")


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


def _test_tables(folder: Path) -> list[Path]:
    files = [folder / name for name in TEST_TABLES]
    return [file for file in files if has_columns(file, TEST_COLUMNS) and _names_videos(file)]


def _names_videos(file: Path) -> bool:
    """Return whether a table of common columns begins with a name as in this data set."""
    first = next(read_rows(file, TEST_COLUMNS), None)
    return first is not None and bool(TEST_NAME.match(first[1]["filename"]))


def _metadata(folder: Path) -> list[Path]:
    levels = ("metadata.json", "*/metadata.json", "*/*/metadata.json", "*/*/*/metadata.json")
    return sorted(file for level in levels for file in folder.glob(level))


def _rows(file: Path) -> dict[str, Any]:
    """Return the rows of a file, or none if no row has a label of the data set."""
    content = read_json(file)
    rows = content if isinstance(content, dict) else {}
    labels = [row.get("label") for row in rows.values() if isinstance(row, dict)]
    return rows if any(label in DFDC.labels for label in labels if type(label) is str) else {}
