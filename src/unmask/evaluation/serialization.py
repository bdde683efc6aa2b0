"""Serialisation: records as JSON files, score tables as JSON or CSV."""

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from unmask.errors import DataError
from unmask.records import ScoreRow

T = TypeVar("T")
COLUMNS = tuple(field.name for field in fields(ScoreRow))


def to_json(record: Any) -> str:
    """Return a dataclass, or a tuple of them, as indented JSON for :func:`from_json`.

    Raises:
        DataError: A number is NaN or infinite, which JSON cannot represent.
    """
    plain = TypeAdapter(type(record)).dump_python(record, by_alias=True)
    try:
        return json.dumps(plain, indent=2, allow_nan=False) + "\n"
    except ValueError as error:
        raise DataError(f"{type(record).__name__}: {error}") from error


def from_json(kind: type[T], text: str | bytes, source: str = "JSON") -> T:
    """Parse a record of type ``kind`` from JSON.

    Args:
        source: Name of the JSON in error messages.

    Raises:
        DataError: The text is not JSON, or not of that type; the message names the first
            wrong key.
    """
    try:
        return TypeAdapter(kind).validate_json(text)
    except ValidationError as error:
        raise DataError(f"{source}: {_describe(error)}") from error


def load(kind: type[T], path: Path | str) -> T:
    """Read a JSON file that :func:`save` wrote.

    Raises:
        DataError: The file is missing, or not of that type.
    """
    return from_json(kind, _read(Path(path)), str(path))


def save(record: Any, path: Path | str) -> Path:
    """Write a record as a JSON file; its directory is created if absent."""
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(to_json(record))
    return file


def write_scores(rows: Sequence[ScoreRow], path: Path | str) -> Path:
    """Write a score table: CSV with one line per clip if the suffix is ``.csv``, else JSON."""
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix != ".csv":
        file.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
        return file
    with file.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
    return file


def read_scores(path: Path | str) -> tuple[ScoreRow, ...]:
    """Read a score table that :func:`write_scores` wrote, or one with the same columns.

    Raises:
        DataError: The file is missing or empty, or a cell is wrong; rows count from 0.
    """
    file = Path(path)
    kind = TypeAdapter(tuple[ScoreRow, ...])
    try:
        if file.suffix == ".csv":
            lines = csv.DictReader(_read(file).decode("utf-8-sig").splitlines())
            # an empty cell is an unknown probability or label, or an empty text
            rows = kind.validate_python(
                [{name: cell for name, cell in line.items() if cell} for line in lines]
            )
        else:
            rows = kind.validate_json(_read(file))
    except ValidationError as error:
        raise DataError(f"{file}: {_describe(error)}") from error
    if not rows:
        raise DataError(f"{file}: contains no scores; score at least one clip")
    return rows


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {error.strerror}") from error


def _describe(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    key = " → ".join(str(part) for part in first["loc"]) or "top level"
    return f"{key}: {first['msg']}"
