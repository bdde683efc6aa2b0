"""Files of rows that are appended to: JSON Lines and CSV.

A row is in the file once :meth:`RowFile.append` returns. A process that is killed meanwhile leaves
at most one incomplete row at the end, which the next one removes.
"""

import csv
import fcntl
import io
import json
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from unmask.errors import ConfigError, DataError
from unmask.serving.bulk.row import COLUMNS, Row

INTEGERS = frozenset({"size_bytes"})
FLOATS = frozenset({"duration_s", "seconds", "fake_probability"})
FLOATS |= {"video_probability", "audio_probability", "lip_sync_probability"}


class RowFile(ABC):
    """A file of rows, locked against other processes while it is open.

    Raises:
        ConfigError: The file cannot be written, holds something else, or is in use.
    """

    HEADER: ClassVar[bytes] = b""
    START: ClassVar[bytes]  # that of every file of this kind

    def __init__(self, path: Path) -> None:
        self.path, self._is_ours = path, False
        with translate_write_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            self._lock()
            self._check_start()
            self._remove_incomplete_row()
            if self.HEADER and not os.fstat(self._descriptor).st_size:
                self._write(self.HEADER)
            self._is_ours = True
        except BaseException:
            self.close()
            raise

    def append(self, row: Row) -> None:
        """Write a row.

        Raises:
            ConfigError: It cannot be written; the rows before it stay.
        """
        self._write(self.encode(row))

    @abstractmethod
    def encode(self, row: Row) -> bytes:
        """Return a row as bytes that end with a line feed."""

    @abstractmethod
    def rows(self) -> Iterator[Row]:
        """Yield the rows in the order in which they were written.

        Raises:
            DataError: A row is damaged.
        """

    def close(self) -> None:
        """Release the file; remove it if it has no row."""
        if self._is_ours and os.fstat(self._descriptor).st_size <= len(self.HEADER):
            self.path.unlink(missing_ok=True)
        os.close(self._descriptor)

    def _lock(self) -> None:
        message = f"--out {self.path}: another analysis is writing to it; wait for its end"
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            status = self.path.stat()
        except OSError as error:
            raise ConfigError(f"{message}, or give another file") from error
        if os.fstat(self._descriptor).st_ino != status.st_ino:  # it was replaced meanwhile
            raise ConfigError(f"{message}, or give another file")

    def _check_start(self) -> None:
        start = os.pread(self._descriptor, len(self.START), 0)
        if not self.START.startswith(start):
            message = f"--out {self.path}: holds something else than results; give another file"
            raise ConfigError(message)

    def _remove_incomplete_row(self) -> None:
        end, position, quotes = 0, 0, 0
        with self.path.open("rb") as file:
            for line in file:
                position += len(line)
                quotes += line.count(b'"')
                if line.endswith(b"\n") and (not self.HEADER or quotes % 2 == 0):
                    end = position
        os.ftruncate(self._descriptor, end)

    def _write(self, content: bytes) -> None:
        with translate_write_errors(self.path):
            while content:
                content = content[os.write(self._descriptor, content) :]


class JsonLinesFile(RowFile):
    """One JSON object per line."""

    START = b'{"path": '

    def encode(self, row: Row) -> bytes:
        """Return a row as a line of JSON."""
        return json.dumps(row.to_dict(), ensure_ascii=False).encode() + b"\n"

    def rows(self) -> Iterator[Row]:
        """Yield the rows."""
        with self.path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                try:
                    yield Row.from_dict(json.loads(line))
                except (ValueError, TypeError) as error:
                    message = f"{self.path}: line {number} is damaged; remove the line"
                    raise DataError(message) from error


def _encode_csv(values: list[Any]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue().encode()


class CsvFile(RowFile):
    """One line per row, unless a name has a line feed; reasons are separated by spaces."""

    HEADER = _encode_csv(list(COLUMNS))
    START = HEADER

    def encode(self, row: Row) -> bytes:
        """Return a row as one record."""
        return _encode_csv(list({**row.to_dict(), "reasons": " ".join(row.reasons)}.values()))

    def rows(self) -> Iterator[Row]:
        """Yield the rows."""
        with self.path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            try:
                for record in reader:
                    yield Row.from_dict({key: _parse(key, record[key]) for key in COLUMNS})
            except (ValueError, TypeError, csv.Error) as error:
                message = f"{self.path}: line {reader.line_num} is damaged; remove the record"
                raise DataError(message) from error


def _parse(column: str, text: str) -> Any:
    if column == "reasons":
        return text.split()
    if not text:
        return None
    return int(text) if column in INTEGERS else float(text) if column in FLOATS else text


@contextmanager
def translate_write_errors(path: Path) -> Iterator[None]:
    """Name the table in errors of writing it."""
    try:
        yield
    except OSError as error:
        raise ConfigError(
            f"--out {path}: cannot be written ({error.strerror or error}); give another file, or "
            "free space and start again, which continues"
        ) from error
