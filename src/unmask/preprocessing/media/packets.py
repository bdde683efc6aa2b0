"""Packets of a media file, read past damaged places."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from unmask.optional_deps import require

MAX_ERRORS = 100  # in a row, without a packet between them
MEMORY_ERRORS = 25  # that one error of memory counts as, since each takes long
PROBE_BYTES = 2**28

log = logging.getLogger(__name__)


def iter_packets(container: Any, streams: Any, path: Path) -> Iterator[Any]:
    """Yield the packets with data of one or several streams, in the order of the file.

    An error of the container ends nothing: reading goes on behind it, unless ``MAX_ERRORS``
    follow one another.
    """
    av = require("av", extra="media")
    errors = 0
    while errors < MAX_ERRORS:
        try:
            for packet in container.demux(streams):
                errors = 0
                if packet.size:  # the others would end the decoder's stream
                    yield packet
        except (av.error.FFmpegError, IndexError) as error:  # IndexError: of an unknown stream
            raise_if_out_of_memory(error)
            errors += MEMORY_ERRORS if isinstance(error, MemoryError) else 1
            log.debug("%s: %s", path, error)
        else:
            return


def raise_if_out_of_memory(error: Exception) -> None:
    """Raise the error again if it is a ``MemoryError`` and memory is short indeed.

    FFmpeg also reports a lack of memory for sizes that it never allocates, which damaged files
    state.
    """
    if not isinstance(error, MemoryError):
        return
    try:
        bytearray(PROBE_BYTES)
    except MemoryError:
        raise error from None
