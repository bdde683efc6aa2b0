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
        DataError: A column is missing, a split is unknown, a row may mean several videos, or the
            archives are not unpacked.
    """
    videos: dict[str, list[Path]] = {}
    for path in list_media(folder, VIDEO_SUFFIXES):
        videos.setdefault(path.name, []).append(path)
    if not videos:
        raise DataError(f"{folder}: holds no videos; unpack the zip archives of DeepSpeak here")
    splits = {
        row["identity"]: look_up(row["split"], SPLITS, folder / SPLIT, number)
        for number, row in read_rows(folder / SPLIT, SPLIT_COLUMNS)
    }
    for number, row in read_rows(folder / REAL, REAL_COLUMNS):
        name, person = PurePosixPath(row["video-file"]), row["identity"]
        path, recording = _find_video(folder / REAL, number, name, videos), name.stem
        yield _entry(path, person, recording, NONE, splits.get(person))
    for number, row in read_rows(folder / FAKE, FAKE_COLUMNS):
        name, person = PurePosixPath(row["video-file"]), row["identity-target"]
        path = _find_video(folder / FAKE, number, name, videos)
        recording = f"{person}-{row['recording-target']}"
        yield _entry(path, person, recording, row["engine"], splits.get(person))


def _find_video(
    table: Path, number: int, stated: PurePosixPath, videos: dict[str, list[Path]]
) -> Path:
    """Return the video of a row: where the table states it, or below another folder.

    A file of the name in another folder than a stated one is another video.
    """
    candidates = videos.get(stated.name, [])
    if table.parent / stated in candidates:
        return table.parent / stated
    candidates = [path for path in candidates if path.parts[-len(stated.parts) :] == stated.parts]
    if len(candidates) > 1:
        names = ", ".join(path.relative_to(table.parent).as_posix() for path in candidates)
        raise DataError(
            f"{table}: row {number}: {stated} may be each of {names}; move the others elsewhere"
        )
    return candidates[0] if candidates else table.parent / stated


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
