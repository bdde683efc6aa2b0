"""Atomic file writes and file hashes."""

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; the file is renamed to ``path`` on success.

    If the block raises or writes no file, ``path`` is left unchanged and the temporary file is
    removed. A killed process leaves a hidden file that ends in ``.part``. Safe with concurrent
    writers; the last one wins. Parent folders are created.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     target = Path(folder) / "new" / "a.txt"
        ...     with atomic_write(target) as unfinished:
        ...         _ = unfinished.write_text("complete")
        ...     target.read_text()
        'complete'
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.{time.monotonic_ns()}.part")
    try:
        yield unfinished
        if unfinished.exists():
            unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of the file's bytes, 64 hexadecimal digits.

    Raises:
        OSError: ``path`` is missing, a folder, or not readable.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
