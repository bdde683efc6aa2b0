"""Native libraries write to the terminal behind Python's back; a verdict should stand alone."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def suppress_native_stderr() -> Iterator[None]:
    """Drop what C and C++ code writes to standard error inside the block.

    Python's own ``sys.stderr`` and the project's log lines go on. Where standard error has
    been replaced by something else, nothing is done.
    """
    try:
        real = sys.stderr.fileno() == 2
    except (AttributeError, OSError):
        real = False
    if not real:
        yield
        return
    before = sys.stderr
    with os.fdopen(os.dup(2), "w", buffering=1) as beside, Path(os.devnull).open("w") as nowhere:
        _write_to(beside, before)
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(beside.fileno(), 2)
            _write_to(before, beside)


def _write_to(now: TextIO, before: TextIO) -> None:
    before.flush()
    sys.stderr = now
    for handler in logging.getLogger("unmask").handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream is before:
            handler.setStream(now)
