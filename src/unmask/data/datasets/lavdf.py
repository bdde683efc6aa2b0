"""LAV-DF (Cai et al., DICTA 2022): short forged stretches inside genuine clips.

``metadata.json`` or ``metadata.min.json``, a list with ``file``, ``split`` (train, dev, test),
``original``, ``modify_video``, ``modify_audio`` and ``fake_periods`` in seconds. The same
stretches are forged in every modality that is modified. No person is named: a person is
told by the original footage.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from unmask.data.datasets.entry import NONE, DatasetEntry, periods, read_json
from unmask.records import FakeSpan

LICENCE = "LAV-DF terms and conditions (research only)"
SPLIT_NAMES = {"train": "train", "dev": "val", "test": "test"}
FILE_NAMES = ("metadata.json", "metadata.min.json")


def recognises(folder: Path) -> bool:
    """Whether a metadata file of this form is there."""
    return bool(_rows(folder))


def listing(folder: Path) -> Iterator[DatasetEntry]:
    """Every entry of the metadata."""
    for row in _rows(folder):
        footage = Path(row.get("original") or row["file"]).stem
        yield DatasetEntry(
            path=folder / row["file"],
            source="LAV-DF",
            identity=footage,
            pair_id=footage,
            manipulation=_manipulation(row),
            fake_video=bool(row["modify_video"]),
            fake_audio=bool(row["modify_audio"]),
            licence=LICENCE,
            split=SPLIT_NAMES.get(row.get("split", "")),
            fake_periods=_periods(row),
        )


def _rows(folder: Path) -> list[dict[str, Any]]:
    for file in (folder / name for name in FILE_NAMES):
        found = read_json(file) if file.is_file() else None
        if isinstance(found, list) and found and "modify_video" in found[0]:
            return found
    return []


def _manipulation(row: dict[str, Any]) -> str:
    forged = [name for name in ("video", "audio") if row[f"modify_{name}"]]
    return "+".join(forged) or NONE


def _periods(row: dict[str, Any]) -> tuple[FakeSpan, ...]:
    forged = [name for name in ("video", "audio") if row[f"modify_{name}"]]
    spans = row.get("fake_periods") or []
    return tuple(period for name in forged for period in periods(spans, name))
