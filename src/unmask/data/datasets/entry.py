"""What a data set says about one of its files, before the file itself is looked at."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unmask.errors import DataError
from unmask.records import FakeSpan

MEDIA_SUFFIXES = frozenset({".mp4", ".mov", ".mpg", ".mpeg", ".avi", ".mkv", ".webm", ".m4v"})
NONE = "none"  # the manipulation of a genuine clip


@dataclass(frozen=True, slots=True)
class DatasetEntry:
    """One file as its data set labels it.

    Attributes:
        identity: Person shown, told apart from every other person of the data set.
        pair_id: Footage that the clip was made from.
        split: As the data set's authors deal it; ``None`` where they do not say.
    """

    path: Path
    source: str
    identity: str
    pair_id: str
    manipulation: str
    fake_video: bool
    fake_audio: bool
    licence: str
    split: str | None = None
    fake_periods: tuple[FakeSpan, ...] = ()


def media_files(folder: Path) -> list[Path]:
    """Every media file below ``folder``, by its name's suffix, sorted."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in MEDIA_SUFFIXES and not path.name.startswith(".")
    )


def read_json(file: Path) -> Any:
    """The content of a JSON file.

    Raises:
        DataError: It cannot be read, or is not JSON.
    """
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{file}: cannot be read as JSON: {error}") from error


def periods(spans: Iterable[Iterable[float]], modality: str) -> tuple[FakeSpan, ...]:
    """Start and end pairs as periods of one modality."""
    return tuple(FakeSpan(float(start), float(end), modality) for start, end in spans)
