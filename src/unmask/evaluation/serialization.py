"""Records of this package as JSON files, and score tables as JSON or CSV."""

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
    """A dataclass, or a tuple of them, as indented JSON; :func:`from_json` reads it back.

    Raises:
        DataError: A number is not finite, which JSON cannot hold.
    """
    plain = TypeAdapter(type(record)).dump_python(record)
    try:
        return json.dumps(plain, indent=2, allow_nan=False) + "\n"
    except ValueError as error:
        raise DataError(f"{type(record).__name__}: {error}") from error


def from_json(kind: type[T], text: str | bytes, where: str = "JSON") -> T:
    """Build ``kind`` from JSON.

    Raises:
        DataError: It is not JSON, or not of that kind; ``where`` and the first key that is
            wrong are named.
    """
    try:
        return TypeAdapter(kind).validate_json(text)
    except ValidationError as error:
        raise DataError(f"{where}: {_first(error)}") from error


def load(kind: type[T], path: Path | str) -> T:
    """Read a JSON file that :func:`save` wrote.

    Raises:
        DataError: The file is missing, or is not of that kind.
    """
    return from_json(kind, _bytes(Path(path)), str(path))


def save(record: Any, path: Path | str) -> Path:
    """Write a record as a JSON file, making its folder."""
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(to_json(record))
    return file


def write_scores(rows: Sequence[ScoreRow], path: Path | str) -> Path:
    """Write a score table; a ``.csv`` has one line per clip, anything else is JSON."""
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
        DataError: The file is missing, empty, or a cell is wrong; the row is counted from 0.
    """
    file = Path(path)
    kind = TypeAdapter(tuple[ScoreRow, ...])
    try:
        if file.suffix == ".csv":
            lines = csv.DictReader(_bytes(file).decode("utf-8-sig").splitlines())
            # an empty cell is a probability or label that nobody states
            rows = kind.validate_python(
                [{name: cell or None for name, cell in line.items()} for line in lines]
            )
        else:
            rows = kind.validate_json(_bytes(file))
    except ValidationError as error:
        raise DataError(f"{file}: {_first(error)}") from error
    if not rows:
        raise DataError(f"{file}: has no scores; score at least one clip")
    return rows


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {error.strerror}") from error


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    place = " → ".join(str(part) for part in first["loc"]) or "the whole"
    return f"{place}: {first['msg']}"
