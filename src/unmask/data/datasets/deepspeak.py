"""Adapter for DeepSpeak 1.0, 1.1 and 2.0 (Barrington, Bohacek & Farid, 2024 and 2025).

``annotations-real.csv`` (``identity``, ``video-file``, …), ``annotations-fake.csv``
(``video-file``, ``kind``, ``engine``, ``identity-source``, ``identity-target``,
``recording-target``, ``audio-config``, …) and ``annotations-split-def.csv`` (``identity``,
``split``: train or test) lie beside the zip archives, which must be unpacked; the videos are found
by their names. Columns as in the tables of the authors' experiments, and as read by the benchmark
dfwb. A fake shows the target. Its face or lips are forged. Its voice is cloned where
``audio-config`` (2.0) names a service, or ``recording-target-ai-generated`` (1.1) is true. It is
genuine where they say ``real`` or false and both identities are one person. Any other voice counts
as unknown: that of a face swap may be somebody else's.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from unmask.data.datasets.entry import NONE, DatasetEntry, has_columns, look_up, read_rows
from unmask.data.protocols.video_sets import DEEPSPEAK
from unmask.errors import DataError
from unmask.preprocessing.media.suffixes import VIDEO_SUFFIXES, list_media

REAL, FAKE, SPLIT = (f"annotations-{name}.csv" for name in ("real", "fake", "split-def"))
REAL_COLUMNS = ("identity", "video-file")
FAKE_COLUMNS = ("video-file", "engine", "identity-target", "recording-target")
SPLIT_COLUMNS = ("identity", "split")
# by audio-config of version 2.0, and by recording-target-ai-generated of version 1.1
VOICES = {"elevenlabs": True, "playht": True, "speechify": True, "real": False}
VOICES_1_1 = {"True": True, "False": False}
SPLITS = {"train": "train", "val": "val", "test": "test"}


def matches(folder: Path) -> bool:
    """Return whether the table of the fakes and that of the splits exist."""
    return has_columns(folder / FAKE, FAKE_COLUMNS[:1]) and has_columns(
        folder / SPLIT, SPLIT_COLUMNS
    )


def iter_entries(folder: Path) -> Iterator[DatasetEntry]:
    """Yield an entry per row of the two tables of videos.

    Raises:
        DataError: A column is missing, a split is unknown, a person is in two splits, a row may
            mean several videos, or the archives are not unpacked.
    """
    videos: dict[str, list[Path]] = {}
    for path in list_media(folder, VIDEO_SUFFIXES):
        videos.setdefault(path.name, []).append(path)
    if not videos:
        raise DataError(f"{folder}: holds no videos; unpack the zip archives of DeepSpeak here")
    splits = _splits_by_person(folder / SPLIT)
    for number, row in read_rows(folder / REAL, REAL_COLUMNS):
        name, person = PurePosixPath(row["video-file"]), row["identity"]
        path, recording = _find_video(folder / REAL, number, name, videos), name.stem
        yield _entry(path, person, recording, NONE, False, splits.get(person))
    for number, row in read_rows(folder / FAKE, FAKE_COLUMNS):
        name, person = PurePosixPath(row["video-file"]), row["identity-target"]
        path = _find_video(folder / FAKE, number, name, videos)
        recording = f"{person}-{row['recording-target']}"
        yield _entry(path, person, recording, row["engine"], _voice(row), splits.get(person))


def _splits_by_person(table: Path) -> dict[str, str]:
    splits: dict[str, str] = {}
    for number, row in read_rows(table, SPLIT_COLUMNS):
        split = look_up(row["split"], SPLITS, table, number)
        if splits.setdefault(row["identity"], split) != split:
            raise DataError(
                f"{table}: row {number}: identity {row['identity']} is in {split}, but in "
                f"{splits[row['identity']]} above; copy the authors' table again"
            )
    return splits


def _voice(row: Mapping[str, str]) -> bool | None:
    """Return whether the voice of a fake is forged; ``None`` where the table does not tell."""
    config, generated = row.get("audio-config", ""), row.get("recording-target-ai-generated", "")
    is_forged = VOICES.get(config, VOICES_1_1.get(generated))
    is_own = row.get("identity-source") == row["identity-target"]
    return is_forged if is_forged or is_own else None


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


def _entry(
    path: Path, person: str, recording: str, engine: str, voice: bool | None, split: str | None
) -> DatasetEntry:
    return DatasetEntry(
        path=path,
        source=DEEPSPEAK.name,
        identity=person,
        pair_id=recording,
        manipulation=engine,
        fake_video=engine != NONE,
        fake_audio=voice,
        licence=DEEPSPEAK.licence,
        split=split,
    )
