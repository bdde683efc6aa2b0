"""Adapter for LAV-DF (Cai et al., DICTA 2022): short forged segments inside genuine clips.

``metadata.json`` or ``metadata.min.json`` is a list of objects with ``file``, ``split`` (train,
dev, test), ``original``, ``modify_video``, ``modify_audio`` and ``fake_periods`` in seconds. The
segments apply to every modality that is modified. The metadata name no person, so the original
footage serves as the identity.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from unmask.data.datasets.entry import NONE, DatasetEntry, read_json, to_fake_spans
from unmask.data.protocols.video_sets import LAV_DF
from unmask.records import FakeSpan

SPLIT_NAMES = {"train": "train", "dev": "val", "test": "test"}
FILE_NAMES = ("metadata.json", "metadata.min.json")


def matches(folder: Path) -> bool:
    """Return whether a metadata file of this form exists."""
    return bool(_rows(folder))


def iter_entries(folder: Path) -> Iterator[DatasetEntry]:
    """Yield an entry per row of the metadata."""
    for row in _rows(folder):
        footage = Path(row.get("original") or row["file"]).stem
        yield DatasetEntry(
            path=folder / row["file"],
            source=LAV_DF.name,
            identity=footage,
            pair_id=footage,
            manipulation="+".join(_forged_modalities(row)) or NONE,
            fake_video=bool(row["modify_video"]),
            fake_audio=bool(row["modify_audio"]),
            licence=LAV_DF.licence,
            split=SPLIT_NAMES.get(row.get("split", "")),
            fake_periods=_fake_spans(row),
        )


def _rows(folder: Path) -> list[dict[str, Any]]:
    for file in (folder / name for name in FILE_NAMES):
        rows = read_json(file) if file.is_file() else None
        if isinstance(rows, list) and rows and "modify_video" in rows[0]:
            return rows
    return []


def _forged_modalities(row: dict[str, Any]) -> list[str]:
    return [name for name in ("video", "audio") if row[f"modify_{name}"]]


def _fake_spans(row: dict[str, Any]) -> tuple[FakeSpan, ...]:
    pairs = row.get("fake_periods") or []
    return tuple(
        span for modality in _forged_modalities(row) for span in to_fake_spans(pairs, modality)
    )
