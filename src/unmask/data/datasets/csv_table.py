"""Adapter for a folder with a simple ``manifest.csv`` with the columns ``file`` and ``label``.

Optional columns: ``manipulation``, ``person_id``, ``pair_id``, ``fake_video``, ``fake_audio``,
``mismatched``, ``split``, ``generator``, ``source`` (or ``source_repo``) and ``licence`` (or
``licence_of_repo``). Other columns are ignored; duration, size and frame rate are read from the
media.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from unmask.data.datasets.entry import NONE, DatasetEntry
from unmask.data.forgeries.methods import VOICE_SWAP
from unmask.data.manifest import (
    FILE_NAMES,
    UNKNOWN,
    find_manifest,
    parse_bool,
    parse_label,
    read_table,
)
from unmask.errors import DataError
from unmask.records import SEALED, SPLITS

VOICE_KEYWORDS = ("voice", "audio", "tts", "vocoder", "speech")


def matches(folder: Path) -> bool:
    """Return whether the folder has a manifest with the two required columns."""
    return any((folder / name).is_file() for name in FILE_NAMES) and {"file", "label"} <= set(
        read_table(find_manifest(folder))[0]
    )


def iter_entries(folder: Path) -> Iterator[DatasetEntry]:
    """Yield an entry per row.

    ``fake_video`` and ``fake_audio`` are ``true``, ``false`` or ``unknown``. If they are not given,
    those of a fake are unknown unless its manipulation is named: it has a forged voice if the name
    contains ``voice``, ``audio``, ``tts``, ``vocoder`` or ``speech``, and a forged face otherwise;
    ``voice-swap`` is a genuine voice of another person, which is mismatched. A clip without
    ``person_id`` is treated as a separate person.

    Raises:
        DataError: A label or a split is unknown; the message names the row.
    """
    file = find_manifest(folder)
    for number, row in enumerate(read_table(file), start=2):
        try:
            yield _entry(folder, row)
        except ValueError as error:
            raise DataError(f"{file}: row {number}: {error}") from error


def _entry(folder: Path, row: dict[str, Any]) -> DatasetEntry:
    label = str(row["label"]).strip().lower()
    if label not in ("real", "fake"):
        raise ValueError(f"column label: {row['label']!r} is unknown; write real or fake")
    split = row.get("split") or None
    known = (*SPLITS, SEALED)
    if split not in (None, *known):
        raise ValueError(f"column split: {split!r} is unknown; use one of {', '.join(known)}")
    is_fake, stem = label == "fake", Path(row["file"]).stem
    manipulation = (row.get("manipulation") or UNKNOWN) if is_fake else NONE
    parts = _forged_parts(row, manipulation) if is_fake else (False, False, False)
    fake_video, fake_audio, mismatched = parts
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
        mismatched=mismatched,
        generator=(row.get("generator") or "") if is_fake else "",
    )


def _forged_parts(row: dict[str, Any], manipulation: str) -> tuple[bool | None, bool | None, bool]:
    """Return whether face and voice of a fake are forged, and whether they are mismatched."""
    stated = [row.get(name) for name in ("fake_video", "fake_audio")]
    if None in stated or "" in stated:
        return _parts_by_name(manipulation)
    fake_video, fake_audio = (parse_label(cell) for cell in stated)
    is_mismatched = parse_bool(row.get("mismatched") or False)
    if (fake_video, fake_audio, is_mismatched) == (False, False, False):
        raise ValueError(
            "label is fake, but fake_video and fake_audio are false; set one of them, or mismatched"
        )
    return fake_video, fake_audio, is_mismatched


def _parts_by_name(manipulation: str) -> tuple[bool | None, bool | None, bool]:
    name = manipulation.lower()
    if name == UNKNOWN:
        return None, None, False
    if name == VOICE_SWAP:
        return False, False, True
    voice = any(keyword in name for keyword in VOICE_KEYWORDS)
    return not voice, voice, False
