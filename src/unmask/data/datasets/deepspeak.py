"""Adapter for DeepSpeak 1.0, 1.1 and 2.0 (Barrington, Bohacek & Farid, 2024 and 2025).

``annotations-real.csv`` (``identity``, ``video-file``, …), ``annotations-fake.csv``
(``video-file``, ``kind``, ``engine``, ``identity-source``, ``identity-target``,
``recording-target``, ``audio-config``, …) and ``annotations-split-def.csv`` (``identity``,
``split``: train or test) lie beside the zip archives, which must be unpacked; the videos are found
by their names. Columns as read by public loaders of the set, among them that of the benchmark dfwb.
A fake shows the target. Its face or lips are forged; its voice may be genuine, cloned or somebody
else's, and counts as unknown.
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from unmask.data.datasets.entry import NONE, DatasetEntry, has_columns, look_up, read_rows
from unmask.data.protocols.video_sets import DEEPSPEAK
from unmask.errors import DataError
from unmask.preprocessing.media.suffixes import VIDEO_SUFFIXES, list_media

REAL, FAKE, SPLIT = (f"annotations-{name}.csv" for name in ("real", "fake", "split-def"))
REAL_COLUMNS = ("identity", "video-file")
FAKE_COLUMNS = ("video-file", "engine", "identity-target", "recording-target")
SPLIT_COLUMNS = ("identity", "split")
SPLITS = {"train": "train", "val": "val", "test": "test"}


def matches(folder: Path) -> bool:
    """Return whether the table of the fakes and that of the splits exist."""
    return has_columns(folder / FAKE, FAKE_COLUMNS[:1]) and has_columns(
        folder / SPLIT, SPLIT_COLUMNS
    )


def iter_entries(folder: Path) -> Iterator[DatasetEntry]:
    """Yield an entry per row of the two tables of videos.

    Raises:
        DataError: A column is missing, a split is unknown, or the archives are not unpacked.
    """
    videos = {path.name: path for path in list_media(folder, VIDEO_SUFFIXES)}
    if not videos:
        raise DataError(f"{folder}: holds no videos; unpack the zip archives of DeepSpeak here")
    splits = {
        row["identity"]: look_up(row["split"], SPLITS, folder / SPLIT, number)
        for number, row in read_rows(folder / SPLIT, SPLIT_COLUMNS)
    }
    for _, row in read_rows(folder / REAL, REAL_COLUMNS):
        name, person = PurePosixPath(row["video-file"]).name, row["identity"]
        recording = name.removesuffix(".mp4")
        yield _entry(videos.get(name, folder / name), person, recording, NONE, splits.get(person))
    for _, row in read_rows(folder / FAKE, FAKE_COLUMNS):
        name, person = PurePosixPath(row["video-file"]).name, row["identity-target"]
        path, recording = videos.get(name, folder / name), f"{person}-{row['recording-target']}"
        yield _entry(path, person, recording, row["engine"], splits.get(person))


def _entry(path: Path, person: str, recording: str, engine: str, split: str | None) -> DatasetEntry:
    is_fake = engine != NONE
    return DatasetEntry(
        path=path,
        source=DEEPSPEAK.name,
        identity=person,
        pair_id=recording,
        manipulation=engine,
        fake_video=is_fake,
        fake_audio=None if is_fake else False,
        licence=DEEPSPEAK.licence,
        split=split,
    )
