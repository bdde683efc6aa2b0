"""Archives of a bulk analysis: the videos in zip and tar files, listed and read one at a time.

A member is read into a temporary file with a name of its own. No name of an archive is used as a
path, links are not followed, and an archive in an archive is not opened.
"""

import bz2
import gzip
import io
import lzma
import tarfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import IO, Any, BinaryIO, cast
from zipfile import ZipFile

from unmask.errors import ArchiveError
from unmask.preprocessing.media.suffixes import MEDIA_SUFFIXES
from unmask.serving.bulk.input_kinds import COMPRESSED_TARS, ZIP, file_name
from unmask.serving.bulk.source import Listed, Member, Problem, Source, member_path
from unmask.serving.file_limits import MIB
from unmask.serving.zip_archive import MAX_RATIO, ZipLimits, list_members, open_member, open_zip

DECOMPRESSORS: dict[str, Callable[[BinaryIO], Any]] = {
    "gzip": lambda file: gzip.GzipFile(fileobj=file),
    "bzip2": bz2.BZ2File,
    "xz": lzma.LZMAFile,
}
# members are read one after another, so neither their number nor their sum takes room
ZIP_LIMITS = ZipLimits(files=1_000_000, total_bytes=1 << 50, directory_bytes=128 * MIB)
TAR_ERRORS = (tarfile.TarError, OSError, EOFError, zlib.error, lzma.LZMAError, ValueError)
DAMAGED = "is damaged or not a tar archive; create the archive again"


def is_video_name(name: str) -> bool:
    """Return whether a listed file is analyzed, by its suffix; hidden files are not.

    Example:
        >>> [is_video_name(name) for name in ("a/b.MP4", "a/b.txt", "a/._b.mp4")]
        [True, False, False]
    """
    last = name.replace("\\", "/").rpartition("/")[2]
    return not last.startswith(".") and f".{last.rpartition('.')[2]}".lower() in MEDIA_SUFFIXES


def iter_archive(path: str, location: str, file: BinaryIO) -> Iterator[Listed]:
    """Yield the videos of an archive.

    Args:
        path: Name of the archive in the results; its suffix tells the kind.
        file: Content of the archive, seekable.

    Raises:
        ArchiveError: It is damaged, encrypted or a zip bomb.
    """
    members = _iter_zip(file) if file_name(path).endswith(ZIP) else _iter_tar(path, file)
    occurrences: Counter[str] = Counter()
    for member, size_bytes, version in members:
        occurrences[member.name] += 1
        inner = member_path(path, member.name, occurrences[member.name])
        if member.archive == "tar" and member.position < 0:
            message = f"{inner}: is a link or a sparse file, which is not followed; add the file"
            yield Problem(inner, "archive", message)
        else:
            yield Source(inner, location, size_bytes, version, member)


def _iter_zip(file: BinaryIO) -> Iterator[tuple[Member, int, str]]:
    with open_zip(file, ZIP_LIMITS) as archive:
        places = {id(member): place for place, member in enumerate(archive.infolist())}
        for info in list_members(file, archive, ZIP_LIMITS, is_video_name):
            member = Member("zip", places[id(info)], info.filename)
            yield member, info.file_size, f"size {info.file_size} crc32 {info.CRC:08x}"


def _iter_tar(name: str, file: BinaryIO) -> Iterator[tuple[Member, int, str]]:
    """Yield the members whose name is that of a video; the position of a link is -1."""
    compressed_bytes = file.seek(0, io.SEEK_END)
    file.seek(0)
    try:
        with tarfile.open(fileobj=_decompress(name, file), mode="r:") as archive:
            while (info := archive.next()) is not None:
                archive.members.clear()  # type: ignore[attr-defined]  # it would grow
                if info.offset_data > MAX_RATIO * compressed_bytes + MIB:
                    raise ArchiveError("compression ratio too high (bomb?); unpack it yourself")
                if is_video_name(info.name) and not info.isdir():
                    is_file = info.isreg() and info.sparse is None
                    member = Member("tar", info.offset_data if is_file else -1, info.name)
                    yield member, info.size, f"size {info.size} mtime {info.mtime}"
    except TAR_ERRORS as error:
        raise ArchiveError(DAMAGED) from error


class OpenArchive:
    """An archive whose members are read one after another.

    A compressed tar archive is read once if positions ascend; a lower one reads it from its start.

    Args:
        name: Its suffix tells the kind.
        file: Content, seekable; closed with the archive.

    Raises:
        ArchiveError: It is not a zip archive.
    """

    def __init__(self, name: str, file: BinaryIO) -> None:
        self._stack = ExitStack()
        self._stack.callback(file.close)
        self._zip: ZipFile | None = None
        if file_name(name).endswith(ZIP):
            self._zip = self._stack.enter_context(open_zip(file, ZIP_LIMITS))
        else:
            self._tar = _decompress(name, file)

    @contextmanager
    def open(self, member: Member, size_bytes: int) -> Iterator[BinaryIO]:
        """Open a member.

        Raises:
            ArchiveError: The archive has changed since it was listed; also where the block meets
                an error of reading it.
        """
        if self._zip is not None:
            infos = self._zip.infolist()
            if member.position >= len(infos) or infos[member.position].filename != member.name:
                raise ArchiveError("has changed since it was listed; run the analysis again")
            with open_member(self._zip, infos[member.position]) as stream:
                yield stream
            return
        try:
            self._tar.seek(member.position)
            yield cast("BinaryIO", _Slice(self._tar, size_bytes))
        except TAR_ERRORS as error:
            raise ArchiveError(DAMAGED) from error

    def close(self) -> None:
        """Close the file."""
        self._stack.close()


class _Slice:
    """The next bytes of a stream."""

    def __init__(self, stream: IO[bytes], size_bytes: int) -> None:
        self._stream, self._remaining = stream, size_bytes

    def read(self, size: int) -> bytes:
        block = self._stream.read(min(size, self._remaining))
        if not block and self._remaining:
            raise ArchiveError("ends early; create the archive again")
        self._remaining -= len(block)
        return block


def _decompress(name: str, file: BinaryIO) -> Any:
    for method, suffixes in COMPRESSED_TARS.items():
        if file_name(name).endswith(suffixes):
            return DECOMPRESSORS[method](file)
    return file
