"""FakeAVCeleb (Khalid et al., NeurIPS Datasets 2021).

``meta_data.csv`` and four trees ``{Real,Fake}Video-{Real,Fake}Audio/RACE/GENDER/PERSON/``.
The file's header has ten columns of which the last is nameless: the ninth, ``path``, is the
file's name, and the nameless one its folder.
"""

import csv
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from unmask.data.datasets.entry import NONE, DatasetEntry
from unmask.errors import DataError

LICENCE = "FakeAVCeleb terms of use (research only)"
TABLE = "meta_data.csv"
COLUMNS = ("source", "target1", "target2", "method", "category", "type", "race", "gender")


def recognises(folder: Path) -> bool:
    """Whether the metadata and at least one of the four trees are there."""
    return (folder / TABLE).is_file() and any(folder.glob("*Video-*Audio"))


def listing(folder: Path) -> Iterator[DatasetEntry]:
    """Every row of the metadata.

    Raises:
        DataError: The table has other columns.
    """
    with (folder / TABLE).open(newline="", encoding="utf-8-sig") as stream:
        rows = csv.reader(stream)
        header = next(rows, [])
        if tuple(header[: len(COLUMNS)]) != COLUMNS:
            raise DataError(f"{folder / TABLE}: columns are {header}; expected {COLUMNS} first")
        for row in rows:
            if len(row) > len(COLUMNS):
                yield _listed(folder, row)


def _listed(folder: Path, row: list[str]) -> DatasetEntry:
    person, _, _, method, _, kind, race, gender, name, *_ = row
    fake_video, fake_audio = "FakeVideo" in kind, "FakeAudio" in kind
    # 00109_10_id00476_wavtolip.mp4 is made from 00109.mp4 of the same person
    footage = PurePosixPath(name).stem.split("_")[0]
    return DatasetEntry(
        path=folder / kind / race / gender / person / PurePosixPath(name).name,
        source="FakeAVCeleb",
        identity=person,
        pair_id=f"{person}_{footage}",
        manipulation=method if fake_video or fake_audio else NONE,
        fake_video=fake_video,
        fake_audio=fake_audio,
        licence=LICENCE,
    )
