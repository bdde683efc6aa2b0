"""Files that appear whole or not at all."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """A name beside ``path`` to write to; the file takes its place when the block ends.

    Where the block raises, or leaves no file, ``path`` stays as it was and nothing lies beside
    it. A process that is killed leaves a hidden file whose name ends in ``.part``. Two writers
    of one file do each other no harm: it is that of the later one. Folders above are made.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     with whole_file(Path(folder) / "made" / "a.txt") as unfinished:
        ...         _ = unfinished.write_text("whole")
        ...     (Path(folder) / "made" / "a.txt").read_text()
        'whole'
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.{time.monotonic_ns()}.part")
    try:
        yield unfinished
        if unfinished.exists():
            unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
