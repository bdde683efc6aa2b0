"""What the container asks a player to cut off at the sides of the stored pictures.

FFmpeg's decoders cut off what the codec states. What the container states, the clean aperture of
MP4 and QuickTime and the pixel crop of Matroska, is read from the file here.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

MAX_BOXES = 20_000  # of one folder of boxes; a file may consist of nothing but their headers
ENTRY_FIELDS_BYTES = 78  # fixed fields of a visual sample entry
# Matroska's identifiers, RFC 9559
SEGMENT, TRACKS, CLUSTER = 0x18538067, 0x1654AE6B, 0x1F43B675
TRACK_ENTRY, VIDEO = 0xAE, 0xE0
CROPS = {0x54CC: "left", 0x54BB: "top", 0x54DD: "right", 0x54AA: "bottom"}

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Crop:
    """Rows and columns that are cut off at each side."""

    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0

    def size(self, stored: tuple[int, int]) -> tuple[int, int]:
        """Return width and height of what remains of a picture of the stored size."""
        return stored[0] - self.left - self.right, stored[1] - self.top - self.bottom

    def fits(self, stored: tuple[int, int]) -> bool:
        """Return whether something remains of a picture of the stored size."""
        nothing_added = min(self.left, self.top, self.right, self.bottom) >= 0
        return nothing_added and min(self.size(stored)) > 0

    def apply(self, image: Pixels) -> Pixels:
        """Return a view of what remains."""
        height, width = image.shape[:2]
        return image[self.top : height - self.bottom, self.left : width - self.right]


NO_CROP = Crop()


def read_crop(path: Path, container: Any, stream: Any) -> Crop:
    """Return the crop of a PyAV video stream, ``NO_CROP`` where the file states none."""
    name = container.format.name.split(",")[0]
    try:
        with path.open("rb") as file:
            if name == "mov":
                return _read_clean_aperture(file, stream.id) or NO_CROP
            if name == "matroska":
                return _read_pixel_crop(file, container.streams.video.index(stream)) or NO_CROP
            return NO_CROP
    except (OSError, struct.error, ValueError):  # damaged headers state no crop
        return NO_CROP


def _read_clean_aperture(file: BinaryIO, track: int) -> Crop | None:
    """Read the ``clap`` box of ISO/IEC 14496-12, 12.1.4."""
    end = file.seek(0, 2)
    movie = _descend(file, (0, end), (b"moov",))
    for kind, *body in _boxes(file, *movie) if movie else ():
        header = _descend(file, body, (b"tkhd",)) if kind == b"trak" else None
        if header is None or _track_number(file, header[0]) != track:
            continue
        entries = _descend(file, body, (b"mdia", b"minf", b"stbl", b"stsd"))
        if entries is None:
            return None
        # after version, flags and number of entries
        for _, start, stop in _boxes(file, entries[0] + 8, entries[1]):
            file.seek(start + 24)
            stored = struct.unpack(">HH", file.read(4))
            aperture = _descend(file, (start + ENTRY_FIELDS_BYTES, stop), (b"clap",))
            if aperture:
                file.seek(aperture[0])
                return _crop_of_clap(struct.unpack(">8i", file.read(32)), stored)
    return None


def _track_number(file: BinaryIO, start: int) -> int:
    """Return the track number of a ``tkhd`` box, which follows two times of 4 or 8 bytes."""
    file.seek(start)
    version = file.read(1)[:1]
    file.seek(start + (20 if version == b"\x01" else 12))
    return int.from_bytes(file.read(4), "big")


def _crop_of_clap(values: tuple[int, ...], stored: tuple[int, ...]) -> Crop | None:
    """Return the crop of width, height and offset of the centre, all of them fractions."""
    if not all(values[1::2]):
        return None
    wide, high, right, down = (values[n] / values[n + 1] for n in range(0, 8, 2))
    left = round((stored[0] - wide) / 2 + right)
    top = round((stored[1] - high) / 2 + down)
    return Crop(left, top, stored[0] - left - round(wide), stored[1] - top - round(high))


def _descend(file: BinaryIO, span: Sequence[int], kinds: tuple[bytes, ...]) -> Sequence[int] | None:
    """Return start and stop of the content of the first box along ``kinds``, or ``None``."""
    for kind in kinds:
        bodies = (body for name, *body in _boxes(file, *span) if name == kind)
        if (child := next(bodies, None)) is None:
            return None
        span = child
    return span


def _boxes(file: BinaryIO, start: int, stop: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start and stop of the content of each box."""
    for _ in range(MAX_BOXES):
        if start + 8 > stop:
            return
        file.seek(start)
        size, kind = struct.unpack(">I4s", file.read(8))
        header = 8
        if size == 1:
            (size,), header = struct.unpack(">Q", file.read(8)), 16
        end = stop if size == 0 else start + size
        if end < start + header or end > stop:
            return
        yield kind, start + header, end
        start = end


def _read_pixel_crop(file: BinaryIO, index: int) -> Crop | None:
    """Read ``PixelCropLeft`` and its like of RFC 9559, 5.1.4.1.28, of the video track ``index``."""
    segment = _child(file, (0, file.seek(0, 2)), SEGMENT)
    tracks = segment and _child(file, segment, TRACKS)
    entries = _elements(file, *tracks) if tracks else ()
    videos = (_child(file, body, VIDEO) for name, *body in entries if name == TRACK_ENTRY)
    video = next(islice((body for body in videos if body), index, None), None)
    elements = _elements(file, *video) if video else ()
    spans = {CROPS[name]: span for name, *span in elements if name in CROPS}
    return Crop(**{side: _read_number(file, span) for side, span in spans.items()})


def _child(file: BinaryIO, span: Sequence[int], identifier: int) -> Sequence[int] | None:
    return next((body for name, *body in _elements(file, *span) if name == identifier), None)


def _read_number(file: BinaryIO, span: Sequence[int]) -> int:
    file.seek(span[0])
    return int.from_bytes(file.read(min(span[1] - span[0], 8)), "big")


def _elements(file: BinaryIO, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
    """Yield identifier, start and stop of the content of each EBML element before ``stop``."""
    for _ in range(MAX_BOXES):
        if start >= stop:
            return
        file.seek(start)
        head = file.read(12)
        identifier, used = _vint(head, keep_marker=True)
        size, width = _vint(head[used:], keep_marker=False)
        begin = start + used + width
        unknown = size == (1 << 7 * width) - 1
        end = stop if unknown else begin + size
        yield identifier, begin, min(end, stop)
        if identifier == CLUSTER or end <= start:
            return
        start = end


def _vint(data: bytes, keep_marker: bool) -> tuple[int, int]:
    """Return value and length of EBML's integers of variable length.

    Raises:
        ValueError: The length is invalid, or the data end.
    """
    width = 9 - data[0].bit_length() if data and data[0] else 9
    if width > 8 or len(data) < width:
        raise ValueError("not an EBML integer")
    value = int.from_bytes(data[:width], "big")
    return (value if keep_marker else value & ~(1 << 7 * width)), width
