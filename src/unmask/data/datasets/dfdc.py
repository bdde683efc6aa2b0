"""Deepfake Detection Challenge (Dolhansky et al., 2020).

Parts, each a folder with videos and a ``metadata.json`` from file name to ``label`` and
``original``. The metadata names no person and says of a fake neither which method made it
nor whether its voice is forged: a fake counts as one of the face, and a person is told by
the original footage.
"""

from collections.abc import Iterator
from pathlib import Path

from unmask.data.datasets.entry import NONE, DatasetEntry, read_json

LICENCE = "DFDC terms of use (research only)"


def recognises(folder: Path) -> bool:
    """Whether a ``metadata.json`` of the challenge's form lies here or one level below."""
    return any(_labels(file) for file in _metadata(folder)[:1])


def listing(folder: Path) -> Iterator[DatasetEntry]:
    """Every video that a part's metadata names."""
    for file in _metadata(folder):
        for name, facts in _labels(file).items():
            is_fake = facts["label"] == "FAKE"
            footage = Path(facts.get("original") or name).stem
            yield DatasetEntry(
                path=file.parent / name,
                source="DFDC",
                identity=footage,
                pair_id=footage,
                manipulation="unknown" if is_fake else NONE,
                fake_video=is_fake,
                fake_audio=False,
                licence=LICENCE,
            )


def _metadata(folder: Path) -> list[Path]:
    return sorted([*folder.glob("metadata.json"), *folder.glob("*/metadata.json")])


def _labels(file: Path) -> dict[str, dict[str, str]]:
    found = read_json(file)
    if not isinstance(found, dict):
        return {}
    return {
        name: facts
        for name, facts in found.items()
        if isinstance(facts, dict) and facts.get("label") in ("REAL", "FAKE")
    }
