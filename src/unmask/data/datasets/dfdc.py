"""Adapter for the Deepfake Detection Challenge data set (Dolhansky et al., 2020).

The set comes in parts; each is a folder with videos and a ``metadata.json`` that maps file names
to ``label`` and ``original``; unpacked archives repeat the folder, as in
``dfdc_train_part_00/dfdc_train_part_0/``. The metadata give neither the person nor the method, and
do not say whether the face, the voice or both are forged, as some fakes have a swapped voice. The
original footage serves as the identity.
"""

from collections.abc import Iterator
from pathlib import Path

from unmask.data.datasets.entry import NONE, DatasetEntry, read_json

LICENCE = "DFDC terms of use (research only)"


def matches(folder: Path) -> bool:
    """Return whether a ``metadata.json`` of this form is at most two levels below the folder."""
    return any(_labels(file) for file in _metadata(folder)[:1])


def iter_entries(folder: Path) -> Iterator[DatasetEntry]:
    """Yield an entry per video in the metadata of the parts."""
    for file in _metadata(folder):
        for name, row in _labels(file).items():
            is_fake = row["label"] == "FAKE"
            footage = Path(row.get("original") or name).stem
            yield DatasetEntry(
                path=file.parent / name,
                source="DFDC",
                identity=footage,
                pair_id=footage,
                manipulation="unknown" if is_fake else NONE,
                fake_video=None if is_fake else False,
                fake_audio=None if is_fake else False,
                licence=LICENCE,
            )


def _metadata(folder: Path) -> list[Path]:
    levels = ("metadata.json", "*/metadata.json", "*/*/metadata.json")
    return sorted(file for level in levels for file in folder.glob(level))


def _labels(file: Path) -> dict[str, dict[str, str]]:
    content = read_json(file)
    if not isinstance(content, dict):
        return {}
    return {
        name: row
        for name, row in content.items()
        if isinstance(row, dict) and row.get("label") in ("REAL", "FAKE")
    }
