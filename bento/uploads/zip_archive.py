"""Videos in a zip: read one after the other, bounded, and never under the names it gives."""

import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, Any, BinaryIO, cast

from unmask.errors import UnmaskError

MAGICS = (b"PK\x03\x04", b"PK\x05\x06")  # the second is of an empty one
MAX_RATIO = 50  # a video is compressed already
SLACK = 1 << 20  # of bytes, that a small file may be unpacked to whatever the ratio
SYMLINK = 0o120000
MOST_AT_ONCE = 1 << 20  # of bytes; a directory of 50 files has a few thousand
# what `zipfile` raises of bytes that are no zip, or of one it does not know how to read
NO_ZIP = (
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
    OSError,
    struct.error,
)
DAMAGED = "is damaged in the zip; pack it again"
LITTER = (".DS_Store", "Thumbs.db", "desktop.ini")


class InvalidArchiveError(UnmaskError):
    """A zip that is damaged, locked, or made to do harm."""


class BoundedReader:
    """A zip that is not read at one go: `zipfile` would take a directory of any size at once."""

    def __init__(self, upload: BinaryIO) -> None:
        self._upload = upload

    def read(self, size: int = -1) -> bytes:
        """The next bytes.

        Raises:
            NotAnArchiveError: More are wanted than a directory of videos needs.
        """
        if size > MOST_AT_ONCE:
            raise InvalidArchiveError("lists too many files; send fewer at once")
        return self._upload.read(size)

    def __getattr__(self, name: str) -> Any:
        """Everything else is the file's own."""
        return getattr(self._upload, name)


class BoundedMember:
    """What one member unpacks to, refused as soon as it grows beyond what it says of itself."""

    def __init__(self, stream: IO[bytes] | None, most_bytes: int) -> None:
        self._stream = stream  # None where the zip is damaged where it begins
        self._left = most_bytes

    def read(self, size: int) -> bytes:
        """The next bytes.

        Raises:
            NotAnArchiveError: There are more than there may be, or they are damaged.
        """
        if self._stream is None:
            raise InvalidArchiveError(DAMAGED)
        try:
            block = self._stream.read(min(size, self._left + 1))
        except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError) as error:
            raise InvalidArchiveError(DAMAGED) from error
        self._left -= len(block)
        if self._left < 0:
            raise InvalidArchiveError("unpacks to more than it says; send the videos themselves")
        return block

    def __enter__(self) -> "BoundedMember":
        """Use it for the length of a block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        if self._stream is not None:
            self._stream.close()


def is_zip(upload: BinaryIO) -> bool:
    """Whether the bytes begin as a zip does; the name does not count."""
    start = upload.read(4)
    upload.seek(0)
    return start in MAGICS


def iter_members(upload: BinaryIO, most: int, most_bytes: int) -> Iterator[tuple[str, BinaryIO]]:
    """Name and content of each file in a zip; folders and a Mac's shadow files are left out.

    Args:
        most: So many files at most.
        most_bytes: So much at most, all unpacked.

    Raises:
        NotAnArchiveError: It is damaged, locked, holds links, or is a bomb.
    """
    try:
        with zipfile.ZipFile(cast("BinaryIO", BoundedReader(upload))) as packed:
            inside = [one for one in packed.infolist() if not _ignored(one)]
            _check(inside, most, most_bytes)
            for one in inside:
                yield (
                    one.filename,
                    cast("BinaryIO", BoundedMember(_opened(packed, one), one.file_size)),
                )
    except NO_ZIP as error:
        raise InvalidArchiveError("is no zip that can be read; pack it again") from error


def _opened(packed: zipfile.ZipFile, one: zipfile.ZipInfo) -> IO[bytes] | None:
    try:
        return packed.open(one)
    except NO_ZIP:  # of this file alone; those before it are jobs already
        return None


def _check(inside: list[zipfile.ZipInfo], most: int, most_bytes: int) -> None:
    if not inside:
        raise InvalidArchiveError("holds no file; put videos into it")
    if len(inside) > most:
        raise InvalidArchiveError(
            f"holds {len(inside)} files, and at most {most} are taken at once"
        )
    if any(one.flag_bits & 1 for one in inside):
        raise InvalidArchiveError("is locked with a password; send it without")
    if any(one.external_attr >> 16 & 0o170000 == SYMLINK for one in inside):
        raise InvalidArchiveError("holds links; send the videos themselves")
    if sum(one.file_size for one in inside) > most_bytes:
        raise InvalidArchiveError("unpacks to more than this service takes; send fewer videos")
    if any(one.file_size > MAX_RATIO * one.compress_size + SLACK for one in inside):
        raise InvalidArchiveError("unpacks to far more than it is; send the videos themselves")


def _ignored(one: zipfile.ZipInfo) -> bool:
    name = one.filename.rsplit("/", 1)[-1]  # macOS and Windows leave files of their own
    return one.is_dir() or one.filename.startswith("__MACOSX/") or name in LITTER
