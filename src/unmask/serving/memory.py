"""Memory that is free already, given back to the system."""

import ctypes
import sys
from collections.abc import Callable


def _trimmer() -> Callable[[int], int] | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        trim: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):  # a Linux whose C library is not glibc
        return None
    return trim


_TRIM = _trimmer()


def release_free_memory() -> None:
    """Give back what the C library keeps of freed memory; nothing happens where it cannot.

    glibc keeps the freed arrays of one window in pieces that those of the next do not fit into.
    Over a five-minute video that was 300 MiB; a call takes some milliseconds.
    """
    if _TRIM is not None:
        _TRIM(0)
