"""Adapter for FakeAVCeleb (Khalid et al., NeurIPS Datasets and Benchmarks 2021).

``meta_data.csv`` and four folders ``{Real,Fake}Video-{Real,Fake}Audio/RACE/GENDER/PERSON/``. The
table has ten columns: the ninth, ``path``, is the file name, and the tenth, which has no header,
the folder.
"""

import csv
from collections.abc import Iterator
from io import StringIO
from pathlib import Path, PurePosixPath

from unmask.data.datasets.entry import NONE, DatasetEntry, look_up, read_text
from unmask.data.protocols.video_sets import FAKEAVCELEB
from unmask.errors import DataError

TABLE = "meta_data.csv"
COLUMNS = ("source", "target1", "target2", "method", "category", "type", "race", "gender")
TYPE = COLUMNS.index("type")


def matches(folder: Path) -> bool:
    """Return whether the metadata and at least one of the four folders exist."""
    return (folder / TABLE).is_file() and any(folder.glob("*Video-*Audio"))


def iter_entries(folder: Path) -> Iterator[DatasetEntry]:
    """Yield an entry per row of the metadata.

    Raises:
        DataError: The table cannot be read or has other columns, or a row has no file name or
            an unknown type.
    """
    rows = csv.reader(StringIO(read_text(folder / TABLE), newline=""))
    header = next(rows, [])
    if tuple(header[: len(COLUMNS)]) != COLUMNS:
        raise DataError(
            f"{folder / TABLE}: columns are {header}; expected them to start with {COLUMNS}"
        )
    for number, row in enumerate(rows, start=2):
        if not row:  # an empty line
            continue
        if len(row) <= len(COLUMNS):
            raise DataError(
                f"{folder / TABLE}: row {number}: has {len(row)} columns and no file name, "
                f"which is column {len(COLUMNS) + 1}; complete the row or remove it"
            )
        look_up(row[TYPE], FAKEAVCELEB.labels, folder / TABLE, number)
        yield _entry(folder, row)


def _entry(folder: Path, row: list[str]) -> DatasetEntry:
    person, _, _, method, _, kind, race, gender, name, *_ = row
    fake_video, fake_audio = "FakeVideo" in kind, "FakeAudio" in kind
    # 00109_10_id00476_wavtolip.mp4 is made from 00109.mp4 of the same person
    footage = PurePosixPath(name).stem.split("_")[0]
    return DatasetEntry(
        path=folder / kind / race / gender / person / PurePosixPath(name).name,
        source=FAKEAVCELEB.name,
        identity=person,
        pair_id=f"{person}_{footage}",
        manipulation=method if fake_video or fake_audio else NONE,
        fake_video=fake_video,
        fake_audio=fake_audio,
        licence=FAKEAVCELEB.licence,
    )
