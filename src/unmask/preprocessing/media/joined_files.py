"""Files put one behind the other, of which FFmpeg reads the first alone: MP4 and FLV."""

import mmap
from pathlib import Path

FLV_HEADER = b"FLV\x01"
FLV_HEADER_END = b"\x00\x00\x00\x09"
BOX_HEADER_BYTES = 8
LARGE_BOX_HEADER_BYTES = 16


def second_file_at(path: Path) -> int | None:
    """Return the byte at which a second MP4 or FLV begins behind the first, if any.

    Source: ISO/IEC 14496-12 for the boxes of MP4; Adobe's specification of FLV, 10.1.
    """
    if path.stat().st_size < LARGE_BOX_HEADER_BYTES:
        return None
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if content[:4] == FLV_HEADER:
            return _second_flv(content)
        return _second_mp4(content) if content[4:8] == b"ftyp" else None


def _second_flv(content: mmap.mmap) -> int | None:
    place = content.find(FLV_HEADER, 1)
    while place >= 0:
        if content[place + 5 : place + 9] == FLV_HEADER_END:
            return place
        place = content.find(FLV_HEADER, place + 1)
    return None


def _second_mp4(content: mmap.mmap) -> int | None:
    """Return the second ``ftyp`` that a second ``moov`` follows; fragments are read throughout."""
    starts, indexes, place = [], 0, 0
    while place + BOX_HEADER_BYTES <= len(content):
        size, kind = int.from_bytes(content[place : place + 4]), content[place + 4 : place + 8]
        if size == 1:
            size = int.from_bytes(content[place + 8 : place + LARGE_BOX_HEADER_BYTES])
        if kind == b"moof":
            return None
        starts += [place] if kind == b"ftyp" else []
        indexes += kind == b"moov"
        if size < BOX_HEADER_BYTES:  # to the end of the file, or damaged
            break
        place += size
    return starts[1] if len(starts) > 1 and indexes > 1 else None
