"""Suppression of log lines that native libraries write to standard error."""

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

    Python's own ``sys.stderr`` and the handlers of the ``unmask`` logger keep working: where they
    write to the process's standard error, they are redirected to a copy of it. May be nested.
    """
    original = sys.stderr
    with (
        os.fdopen(os.dup(2), "w", buffering=1) as copy,
        Path(os.devnull).open("w") as null,
    ):
        python_writes_there = _is_native(original)
        if python_writes_there:
            _redirect(copy, original)
        os.dup2(null.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(copy.fileno(), 2)
            if python_writes_there:
                _redirect(original, copy)


def _is_native(stream: TextIO) -> bool:
    """Return whether the stream writes to the process's standard error."""
    try:
        return stream.fileno() == 2
    except (AttributeError, OSError):
        return False


def _redirect(target: TextIO, source: TextIO) -> None:
    """Let Python and the log handlers of ``source`` write to ``target``."""
    source.flush()
    sys.stderr = target
    for handler in logging.getLogger("unmask").handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream is source:
            handler.setStream(target)
