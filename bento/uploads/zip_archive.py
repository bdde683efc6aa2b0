"""Zip archives of videos: members are streamed, bounded, and never extracted by their names."""

import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, Any, BinaryIO, cast

from bento.errors import InvalidArchiveError

MAGIC = (b"PK\x03\x04", b"PK\x05\x06")  # the second one is that of an empty archive
MAX_RATIO = 50  # videos are compressed already
RATIO_EXEMPT_BYTES = 1 << 20  # a small file may exceed the ratio by this much
MAX_DIRECTORY_BYTES = 1 << 20  # the directory of 50 files takes a few thousand
SYMLINK = 0o120000
# raised by `zipfile` for invalid archives and for features that it does not support
ZIP_ERRORS = (
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
    OSError,
    struct.error,
)
DAMAGED_MEMBER = "is damaged in the zip archive; create the archive again"
JUNK_FILES = (".DS_Store", "Thumbs.db", "desktop.ini")


class BoundedReader:
    """An archive file that refuses large reads: `zipfile` reads a directory of any size at once."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        """Read the next bytes.

        Raises:
            InvalidArchiveError: ``size`` exceeds what the directory of any valid batch needs.
        """
        if size > MAX_DIRECTORY_BYTES:
            raise InvalidArchiveError("lists too many files; send fewer at once")
        return self._file.read(size)

    def __getattr__(self, name: str) -> Any:
        """Delegate everything else to the file."""
        return getattr(self._file, name)


class BoundedMember:
    """Content of a member; reading fails once it exceeds the size that the archive states.

    Args:
        stream: None if the member cannot be opened.
    """

    def __init__(self, stream: IO[bytes] | None, max_bytes: int) -> None:
        self._stream = stream
        self._remaining = max_bytes

    def read(self, size: int) -> bytes:
        """Read the next bytes.

        Raises:
            InvalidArchiveError: The member is damaged or larger than stated.
        """
        if self._stream is None:
            raise InvalidArchiveError(DAMAGED_MEMBER)
        try:
            block = self._stream.read(min(size, self._remaining + 1))
        except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError) as error:
            raise InvalidArchiveError(DAMAGED_MEMBER) from error
        self._remaining -= len(block)
        if self._remaining < 0:
            raise InvalidArchiveError(
                "unpacks to more than its stated size; upload the videos directly"
            )
        return block

    def __enter__(self) -> "BoundedMember":
        """Return the member."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the member."""
        if self._stream is not None:
            self._stream.close()


def is_zip(upload: BinaryIO) -> bool:
    """Return whether the content starts like a zip archive; the file name is ignored."""
    start = upload.read(4)
    upload.seek(0)
    return start in MAGIC


def iter_members(
    upload: BinaryIO, max_files: int, max_total_bytes: int
) -> Iterator[tuple[str, BinaryIO]]:
    """Yield name and content of each file; skip directories and files of the operating system.

    Args:
        max_total_bytes: Limit of the unpacked size of all files together.

    Raises:
        InvalidArchiveError: The archive is damaged, encrypted, contains links or is a zip bomb.
    """
    try:
        with zipfile.ZipFile(cast("BinaryIO", BoundedReader(upload))) as archive:
            members = [member for member in archive.infolist() if not _is_ignored(member)]
            _check(members, max_files, max_total_bytes)
            for member in members:
                content = BoundedMember(_open(archive, member), member.file_size)
                yield member.filename, cast("BinaryIO", content)
    except ZIP_ERRORS as error:
        message = "is not a readable zip archive; create the archive again"
        raise InvalidArchiveError(message) from error


def _open(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> IO[bytes] | None:
    try:
        return archive.open(member)
    except ZIP_ERRORS:  # concerns this member only; earlier ones are jobs already
        return None


def _check(members: list[zipfile.ZipInfo], max_files: int, max_total_bytes: int) -> None:
    if not members:
        raise InvalidArchiveError("contains no files; add videos to it")
    if len(members) > max_files:
        raise InvalidArchiveError(f"contains {len(members)} files; the limit is {max_files}")
    if any(member.flag_bits & 1 for member in members):
        raise InvalidArchiveError("is encrypted; send it without a password")
    if any(member.external_attr >> 16 & 0o170000 == SYMLINK for member in members):
        raise InvalidArchiveError("contains symbolic links; upload the videos directly")
    if sum(member.file_size for member in members) > max_total_bytes:
        raise InvalidArchiveError("unpacks to more than the size limit; send fewer videos")
    if any(_is_bomb(member) for member in members):
        raise InvalidArchiveError(
            "compression ratio too high (zip bomb?); upload the videos directly"
        )


def _is_bomb(member: zipfile.ZipInfo) -> bool:
    return member.file_size > MAX_RATIO * member.compress_size + RATIO_EXEMPT_BYTES


def _is_ignored(member: zipfile.ZipInfo) -> bool:
    name = member.filename.rsplit("/", 1)[-1]
    return member.is_dir() or member.filename.startswith("__MACOSX/") or name in JUNK_FILES
