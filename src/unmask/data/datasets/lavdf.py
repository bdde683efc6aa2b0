"""Adapter for LAV-DF (Cai et al., DICTA 2022): short forged segments inside genuine clips.

``metadata.json`` or ``metadata.min.json`` is a list of objects with ``file``, ``split`` (train,
dev, test), ``original``, ``modify_video``, ``modify_audio`` and ``fake_periods`` in seconds. The
segments apply to every modality that is modified. The metadata name no person, so the original
footage serves as the identity.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from unmask.data.datasets.entry import (
    NONE,
    DatasetEntry,
    get_field,
    look_up,
    read_json,
    to_fake_spans,
)
from unmask.data.protocols.video_sets import LAV_DF
from unmask.records import FakeSpan

SPLIT_NAMES = {"train": "train", "dev": "val", "test": "test"}
FILE_NAMES = ("metadata.json", "metadata.min.json")


def matches(folder: Path) -> bool:
    """Return whether a metadata file of this form exists."""
    return bool(_metadata(folder)[1])


def iter_entries(folder: Path) -> Iterator[DatasetEntry]:
    """Yield an entry per row of the metadata.

    Raises:
        DataError: A row lacks a field, or its split is unknown.
    """
    file, rows = _metadata(folder)
    for number, row in enumerate(rows, start=1):
        name = get_field(row, "file", str, file, number)
        fake_video, fake_audio = (
            bool(get_field(row, f"modify_{modality}", int, file, number))
            for modality in ("video", "audio")
        )
        footage = Path(str(row.get("original") or name)).stem
        yield DatasetEntry(
            path=folder / name,
            source=LAV_DF.name,
            identity=footage,
            pair_id=footage,
            manipulation="+".join(_forged_modalities(row)) or NONE,
            fake_video=fake_video,
            fake_audio=fake_audio,
            licence=LAV_DF.licence,
            split=look_up(str(row.get("split")), SPLIT_NAMES, file, number),
            fake_periods=_fake_spans(row, file, number),
        )


def _metadata(folder: Path) -> tuple[Path, list[dict[str, Any]]]:
    """Return the metadata file that has rows of this data set, and the rows; none in other sets."""
    for file in (folder / name for name in FILE_NAMES):
        rows = read_json(file) if file.is_file() else None
        if isinstance(rows, list) and any(
            isinstance(row, dict) and "modify_video" in row for row in rows
        ):
            return file, rows
    return folder / FILE_NAMES[0], []


def _forged_modalities(row: dict[str, Any]) -> list[str]:
    return [name for name in ("video", "audio") if row[f"modify_{name}"]]


def _fake_spans(row: dict[str, Any], file: Path, number: int) -> tuple[FakeSpan, ...]:
    pairs = row.get("fake_periods") or []
    return tuple(
        span
        for modality in _forged_modalities(row)
        for span in to_fake_spans(pairs, modality, file, number)
    )
