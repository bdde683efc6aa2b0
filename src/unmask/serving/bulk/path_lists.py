"""Lists of paths: a table with a column ``path``, a text file with a path on each line, or stdin.

Relative paths in a table start at its folder, as in a manifest; those in a text file or on
standard input start at the working folder, as `find` prints them.
"""

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from unmask.errors import DataError
from unmask.optional_deps import require
from unmask.serving.bulk.input_kinds import CSV_DELIMITERS, STDIN, TEXT_LISTS, scheme_of

COLUMN = "path"
BLOCK_BYTES = 1 << 16
MAX_PATH_BYTES = 1 << 16  # a file without line ends is no list


def iter_paths(file: Path) -> Iterator[str]:
    """Yield the paths of a list, whose suffix or ``-`` tells its kind.

    Raises:
        DataError: The file cannot be read, or has no column ``path``.
        MissingExtraError: The list is a parquet file, and pyarrow is not installed.
    """
    try:
        if str(file) == STDIN:
            yield from _iter_text(sys.stdin.buffer, "standard input")
        elif file.suffix.lower() in TEXT_LISTS:
            with file.open("rb") as stream:
                yield from _iter_text(stream, str(file))
        else:
            read = _iter_csv if file.suffix.lower() in CSV_DELIMITERS else _iter_parquet
            for path in read(file):
                yield path if scheme_of(path) else str(file.parent / path)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{file}: cannot be read as a list of paths ({reason})") from error


def _iter_text(stream: BinaryIO, name: str) -> Iterator[str]:
    """Yield lines, or what NUL separates, as `find -print0` writes it; skip empty ones."""
    rest, separator = b"", b""
    while block := stream.read(BLOCK_BYTES):
        rest += block
        separator = separator or (b"\0" if b"\0" in rest else b"\n" if b"\n" in rest else b"")
        if separator:
            *paths, rest = rest.split(separator)
            yield from filter(None, map(_decode, paths))
        if len(rest) > MAX_PATH_BYTES:
            raise DataError(f"{name}: is not a list of paths; write one path on each line")
    yield from filter(None, [_decode(rest)])


def _decode(path: bytes) -> str:
    return path.removesuffix(b"\r").decode("utf-8", "surrogateescape")


def _iter_csv(file: Path) -> Iterator[str]:
    with file.open(encoding="utf-8-sig", newline="") as stream:
        rows = csv.DictReader(stream, delimiter=CSV_DELIMITERS[file.suffix.lower()])
        _check_column(file, list(rows.fieldnames or ()))
        for row in rows:
            if row[COLUMN]:
                yield row[COLUMN]


def _iter_parquet(file: Path) -> Iterator[str]:
    require("pyarrow", extra="bulk")
    import pyarrow
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(file) as table:
            _check_column(file, table.schema_arrow.names)
            for batch in table.iter_batches(columns=[COLUMN]):
                yield from filter(None, batch.column(0).to_pylist())
    except pyarrow.ArrowException as error:
        raise DataError(f"{file}: cannot be read as a parquet file ({error})") from error


def _check_column(file: Path, columns: list[str]) -> None:
    if COLUMN not in columns:
        listed = ", ".join(columns[:8]) or "none"
        raise DataError(f"{file}: has no column `{COLUMN}` (its columns: {listed}); rename one")
