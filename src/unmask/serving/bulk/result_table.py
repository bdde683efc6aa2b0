"""Result tables: rows on disk as JSON Lines, CSV or parquet, one for each path at the end.

JSON Lines and CSV are appended to. Parquet cannot be: the rows are collected in a journal of JSON
Lines beside it, and the table is written when the analysis ends.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Set
from itertools import chain, islice
from pathlib import Path
from typing import Any

from unmask.errors import ConfigError, DataError
from unmask.files import atomic_write
from unmask.optional_deps import require
from unmask.serving.bulk.finished import path_key
from unmask.serving.bulk.row import COLUMNS, Row
from unmask.serving.bulk.row_files import (
    FLOATS,
    INTEGERS,
    CsvFile,
    JsonLinesFile,
    RowFile,
    translate_write_errors,
)

ROW_FILES: dict[str, type[RowFile]] = {".jsonl": JsonLinesFile, ".csv": CsvFile}
PARQUET = ".parquet"
JOURNAL_SUFFIX = ".journal.jsonl"
ROWS_PER_GROUP = 10_000


class ResultTable(ABC):
    """A table of results that outlives the process.

    Args:
        file: Takes the new rows.
    """

    def __init__(self, file: RowFile) -> None:
        self._file = file

    def append(self, row: Row) -> None:
        """Add a row, which a kill no longer loses.

        Raises:
            ConfigError: It cannot be written.
        """
        self._file.append(row)

    @abstractmethod
    def rows(self) -> Iterator[Row]:
        """Yield all rows; of several with one path, the last is in effect.

        Raises:
            DataError: A row is damaged.
        """

    @abstractmethod
    def complete(self, has_repeats: bool, obsolete: Set[int] = frozenset()) -> None:
        """Finish the table, to which nothing is added any more.

        Args:
            has_repeats: Whether there are several rows with one path; the last is kept.
            obsolete: Keys of paths whose rows are removed.

        Raises:
            ConfigError: It cannot be written; nothing is lost, and another run completes it.
        """

    def release(self) -> None:
        """Let other processes have the table."""
        self._file.close()


class AppendedTable(ResultTable):
    """JSON Lines or CSV."""

    def rows(self) -> Iterator[Row]:
        """Yield all rows."""
        return self._file.rows()

    def complete(self, has_repeats: bool, obsolete: Set[int] = frozenset()) -> None:
        """Keep the last row of each path."""
        if not has_repeats and not obsolete:
            return
        with (
            translate_write_errors(self._file.path),
            atomic_write(self._file.path) as path,
            path.open("wb") as file,
        ):
            file.write(self._file.HEADER)
            file.writelines(map(self._file.encode, iter_latest(self.rows, obsolete)))


class ParquetTable(ResultTable):
    """Parquet, with a journal while the analysis runs.

    Raises:
        ConfigError: The file holds something else, or the journal cannot be written.
        MissingExtraError: pyarrow is not installed.
    """

    def __init__(self, path: Path) -> None:
        require("pyarrow", extra="bulk")
        self.path = path
        if path.exists():
            _check_columns(path)
        super().__init__(JsonLinesFile(path.with_name(path.name + JOURNAL_SUFFIX)))

    def rows(self) -> Iterator[Row]:
        """Yield the rows of the table, then those of the journal."""
        return chain(_iter_parquet(self.path), self._file.rows())

    def complete(self, has_repeats: bool, obsolete: Set[int] = frozenset()) -> None:
        """Write the table with the rows of the journal, and remove the journal."""
        is_rewritten = has_repeats or bool(obsolete)
        if is_rewritten or not self.path.exists() or self._file.path.stat().st_size:
            rows = iter_latest(self.rows, obsolete) if is_rewritten else self.rows()
            with translate_write_errors(self.path), atomic_write(self.path) as path:
                _write_parquet(path, rows)
        self._file.path.unlink()


def open_table(path: Path) -> ResultTable:
    """Open a table by its suffix, or create it.

    Raises:
        ConfigError: The suffix is unknown, or the file cannot be written, holds something else,
            or is in use.
        MissingExtraError: It is a parquet file, and pyarrow is not installed.
    """
    suffix = path.suffix.lower()
    if suffix == PARQUET:
        return ParquetTable(path)
    if suffix not in ROW_FILES:
        known = ", ".join((*ROW_FILES, PARQUET))
        raise ConfigError(f"--out {path}: is not a table; use a name that ends in {known}")
    return AppendedTable(ROW_FILES[suffix](path))


def iter_latest(
    read_rows: Callable[[], Iterator[Row]], obsolete: Set[int] = frozenset()
) -> Iterator[Row]:
    """Yield the last row of each path that is not obsolete, in the order of these rows."""
    latest = {path_key(row.path): number for number, row in enumerate(read_rows())}
    for number, row in enumerate(read_rows()):
        key = path_key(row.path)
        if latest[key] == number and key not in obsolete:
            yield row


def _check_columns(path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    try:
        names = parquet.read_schema(path).names
    except (OSError, pyarrow.ArrowException):
        names = []
    if tuple(names) != COLUMNS:
        raise ConfigError(f"--out {path}: holds something else than results; give another file")


def _iter_parquet(path: Path) -> Iterator[Row]:
    from pyarrow import parquet

    if not path.exists():
        return
    with parquet.ParquetFile(path) as table:
        for batch in table.iter_batches(ROWS_PER_GROUP):
            try:
                yield from map(Row.from_dict, batch.to_pylist())
            except TypeError as error:
                raise DataError(f"{path}: is damaged; remove it") from error


def _write_parquet(path: Path, rows: Iterator[Row]) -> None:
    import pyarrow
    from pyarrow import parquet

    schema = pyarrow.schema([(name, _column_type(name)) for name in COLUMNS])
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        while group := [row.to_dict() for row in islice(rows, ROWS_PER_GROUP)]:
            writer.write_table(pyarrow.Table.from_pylist(group, schema))


def _column_type(name: str) -> Any:
    import pyarrow

    if name == "reasons":
        return pyarrow.list_(pyarrow.string())
    if name in INTEGERS:
        return pyarrow.int64()
    return pyarrow.float64() if name in FLOATS else pyarrow.string()
