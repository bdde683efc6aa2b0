"""Zip archives of videos: members are streamed, bounded, and never extracted by their names."""

import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, BinaryIO, cast

from unmask.errors import ArchiveError

MAGIC = (b"PK\x03\x04", b"PK\x05\x06")  # the second one is that of an empty archive
MAX_RATIO = 50  # videos are compressed already
RATIO_EXEMPT_BYTES = 1 << 20  # a small file may exceed the ratio by this much
SYMLINK = 0o120000
# `zipfile` limits the output of a single read for these two alone
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
LOCAL_HEADER = struct.Struct("<26x2H")  # ends with the lengths of the name and the extra field
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
UNSUPPORTED_METHOD = (
    "is compressed by a method other than stored and deflated; create the archive with `zip`"
)
JUNK_FILES = (".DS_Store", "Thumbs.db", "desktop.ini")


@dataclass(frozen=True, slots=True)
class ZipLimits:
    """Largest accepted archive.

    Attributes:
        total_bytes: Unpacked size of all files together.
        directory_bytes: Size of the archive's directory; that of 50 files takes a few thousand.
    """

    files: int
    total_bytes: int
    directory_bytes: int = 1 << 20


class BoundedReader:
    """An archive file that refuses large reads: `zipfile` reads a directory of any size at once."""

    def __init__(self, file: BinaryIO, max_read_bytes: int) -> None:
        self._file, self._max_read_bytes = file, max_read_bytes

    def read(self, size: int = -1) -> bytes:
        """Read the next bytes.

        Raises:
            ArchiveError: ``size`` exceeds what the directory of any valid batch needs.
        """
        if size > self._max_read_bytes:
            raise ArchiveError("lists too many files; send fewer at once")
        return self._file.read(size)

    def __getattr__(self, name: str) -> Any:
        """Delegate everything else to the file."""
        return getattr(self._file, name)


class BoundedMember:
    """Content of a member; reading fails once it exceeds the size that the archive states.

    Args:
        stream: The content, or why the member cannot be read.
    """

    def __init__(self, stream: IO[bytes] | str, max_bytes: int) -> None:
        self._stream = stream
        self._remaining = max_bytes

    def read(self, size: int) -> bytes:
        """Read the next bytes.

        Raises:
            ArchiveError: The member is damaged, compressed by a method that is not
                supported, or larger than stated.
        """
        if isinstance(self._stream, str):
            raise ArchiveError(self._stream)
        try:
            block = self._stream.read(min(size, self._remaining + 1))
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
            raise ArchiveError(DAMAGED_MEMBER) from error
        self._remaining -= len(block)
        if self._remaining < 0:
            raise ArchiveError("unpacks to more than its stated size; upload the videos directly")
        return block

    def __enter__(self) -> "BoundedMember":
        """Return the member."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the member."""
        if not isinstance(self._stream, str):
            self._stream.close()


def is_zip(upload: BinaryIO) -> bool:
    """Return whether the content starts like a zip archive; the file name is ignored."""
    start = upload.read(4)
    upload.seek(0)
    return start in MAGIC


@contextmanager
def open_zip(file: BinaryIO, limits: ZipLimits) -> Iterator[zipfile.ZipFile]:
    """Open an archive without reading a directory beyond the limit.

    Raises:
        ArchiveError: The archive is damaged; also where the block meets an error of `zipfile`.
    """
    try:
        reader = BoundedReader(file, limits.directory_bytes)
        with zipfile.ZipFile(cast("BinaryIO", reader)) as archive:
            yield archive
    except ZIP_ERRORS as error:
        message = "is not a readable zip archive; create the archive again"
        raise ArchiveError(message) from error


def list_members(
    file: BinaryIO,
    archive: zipfile.ZipFile,
    limits: ZipLimits,
    is_wanted: Callable[[str], bool] = bool,
) -> list[zipfile.ZipInfo]:
    """Return the members; leave out directories and files of the operating system.

    Args:
        is_wanted: Tells by the name which others are left out as well, unchecked.

    Raises:
        ArchiveError: The archive is encrypted, contains links, members that share bytes, or a
            zip bomb.
    """
    members = [
        member
        for member in archive.infolist()
        if not _is_ignored(member) and is_wanted(member.filename)
    ]
    _check(members, limits)
    _check_overlap(file, members)
    return members


def open_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> BinaryIO:
    """Return the content; a member that cannot be read says so when it is."""
    return cast("BinaryIO", BoundedMember(_open(archive, member), member.file_size))


def iter_members(upload: BinaryIO, limits: ZipLimits) -> Iterator[tuple[str, BinaryIO]]:
    """Yield name and content of each member, see :func:`list_members`.

    Raises:
        ArchiveError: The archive is damaged or refused.
    """
    with open_zip(upload, limits) as archive:
        for member in list_members(upload, archive, limits):
            yield member.filename, open_member(archive, member)


def _open(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> IO[bytes] | str:
    """Return the content, or why it cannot be read; earlier members are jobs already."""
    if member.compress_type not in METHODS:
        return UNSUPPORTED_METHOD
    try:
        return archive.open(member)
    except ZIP_ERRORS:
        return DAMAGED_MEMBER


def _check(members: list[zipfile.ZipInfo], limits: ZipLimits) -> None:
    if not members:
        raise ArchiveError("contains no files; add videos to it")
    if len(members) > limits.files:
        raise ArchiveError(f"contains {len(members)} files; the limit is {limits.files}")
    if any(member.flag_bits & 1 for member in members):
        raise ArchiveError("is encrypted; send it without a password")
    if any(member.external_attr >> 16 & 0o170000 == SYMLINK for member in members):
        raise ArchiveError("contains symbolic links; upload the videos directly")
    if sum(member.file_size for member in members) > limits.total_bytes:
        raise ArchiveError("unpacks to more than the size limit; send fewer videos")
    if any(_is_bomb(member) for member in members):
        raise ArchiveError("compression ratio too high (zip bomb?); upload the videos directly")


def _check_overlap(upload: BinaryIO, members: Sequence[zipfile.ZipInfo]) -> None:
    """Refuse members that share bytes: a small archive could hold many large videos."""
    end = 0
    for member in sorted(members, key=lambda item: item.header_offset):
        if member.header_offset < end:
            raise ArchiveError("contains files that share bytes; create the archive again")
        end = _data_end(upload, member)


def _data_end(upload: BinaryIO, member: zipfile.ZipInfo) -> int:
    try:
        upload.seek(member.header_offset)
        lengths = sum(LOCAL_HEADER.unpack(upload.read(LOCAL_HEADER.size)))
    except ZIP_ERRORS:  # lies outside the file and is refused when it is opened
        return member.header_offset
    return member.header_offset + LOCAL_HEADER.size + lengths + member.compress_size


def _is_bomb(member: zipfile.ZipInfo) -> bool:
    return member.file_size > MAX_RATIO * member.compress_size + RATIO_EXEMPT_BYTES


def _is_ignored(member: zipfile.ZipInfo) -> bool:
    name = member.filename.rsplit("/", 1)[-1]
    return member.is_dir() or member.filename.startswith("__MACOSX/") or name in JUNK_FILES
