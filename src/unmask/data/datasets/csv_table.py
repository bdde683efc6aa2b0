"""A folder with a simple ``manifest.csv``: at least the columns ``file`` and ``label``.

Optional columns: ``manipulation``, ``person_id``, ``pair_id``, ``fake_video``,
``fake_audio``, ``split``, ``source`` (or ``source_repo``), ``licence`` (or
``licence_of_repo``). Any other column is ignored: the media themselves say how long they are.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from unmask.data.datasets.entry import NONE, DatasetEntry
from unmask.data.manifest import FILE_NAMES, find_manifest, parse_bool, read_table
from unmask.errors import DataError
from unmask.records import SPLITS

VOICE_WORDS = ("voice", "audio", "tts", "vocoder", "speech")


def recognises(folder: Path) -> bool:
    """Whether a manifest with those columns is there."""
    return any((folder / n).is_file() for n in FILE_NAMES) and {"file", "label"} <= set(
        read_table(find_manifest(folder))[0]
    )


def listing(folder: Path) -> Iterator[DatasetEntry]:
    """Every row.

    A fake whose columns do not say what is forged counts as a forged voice where its
    manipulation names one (``voice``, ``audio``, ``tts``, ``vocoder``, ``speech``), and as a
    forged face otherwise. A clip without ``person_id`` is its own person.

    Raises:
        DataError: A label or a split is none that is known; the row is named.
    """
    file = find_manifest(folder)
    for number, row in enumerate(read_table(file), start=2):
        try:
            yield _listed(folder, row)
        except ValueError as error:
            raise DataError(f"{file}: row {number}: {error}") from error


def _listed(folder: Path, row: dict[str, Any]) -> DatasetEntry:
    label = str(row["label"]).strip().lower()
    if label not in ("real", "fake"):
        raise ValueError(f"column label: {row['label']!r} is wrong; write real or fake")
    split = row.get("split") or None
    if split not in (None, *SPLITS):
        raise ValueError(f"column split: {split!r} is wrong; use one of {', '.join(SPLITS)}")
    is_fake, stem = label == "fake", Path(row["file"]).stem
    manipulation = (row.get("manipulation") or "unknown") if is_fake else NONE
    fake_video, fake_audio = _forged(row, manipulation) if is_fake else (False, False)
    person = row.get("person_id") or stem
    return DatasetEntry(
        path=folder / row["file"],
        source=row.get("source") or row.get("source_repo") or folder.name,
        identity=person,
        pair_id=row.get("pair_id") or person,
        manipulation=manipulation,
        fake_video=fake_video,
        fake_audio=fake_audio,
        licence=row.get("licence") or row.get("licence_of_repo") or "",
        split=split,
    )


def _forged(row: dict[str, Any], manipulation: str) -> tuple[bool, bool]:
    stated = [row.get(name) for name in ("fake_video", "fake_audio")]
    if None in stated or "" in stated:
        voice = any(word in manipulation.lower() for word in VOICE_WORDS)
        return not voice, voice
    fake_video, fake_audio = (parse_bool(cell) for cell in stated)
    if not (fake_video or fake_audio):
        raise ValueError("label is fake, but neither fake_video nor fake_audio is true")
    return fake_video, fake_audio
