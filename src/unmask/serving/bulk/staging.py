"""Staging: gives a source a local path, a temporary copy where it is remote or in an archive."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import BinaryIO

from unmask.errors import ArchiveError, UnmaskError
from unmask.preprocessing.media.suffixes import MEDIA_SUFFIXES
from unmask.serving.bulk.archives import OpenArchive
from unmask.serving.bulk.input_kinds import file_name, scheme_of
from unmask.serving.bulk.remote_files import RemoteFiles
from unmask.serving.bulk.source import Source
from unmask.serving.file_limits import MIB

BLOCK_BYTES = MIB


class FileTooLargeError(UnmaskError):
    """A file to be downloaded or unpacked exceeds the limit."""


class Staging:
    """Gives sources a local path; keeps the last archive open.

    Args:
        max_bytes: Limit of a copy.
    """

    def __init__(self, remote: RemoteFiles, max_bytes: int) -> None:
        self._remote, self._max_bytes = remote, max_bytes
        self._archive: tuple[str, OpenArchive] | None = None

    @contextmanager
    def local_path(self, source: Source) -> Iterator[Path]:
        """Yield the path of the source itself, or of a copy that is removed afterwards.

        Raises:
            OSError: A local file cannot be opened, or the disk is full.
            RemoteFileError: The file cannot be had.
            ArchiveError: The archive is damaged, or has changed.
            FileTooLargeError: The copy exceeds the limit.
        """
        if source.member is None and not scheme_of(source.location):
            path = Path(source.location)
            path.open("rb").close()
            yield path
            return
        self._check_size(source, source.size_bytes or 0)
        with TemporaryDirectory(prefix="unmask-") as folder:
            path = Path(folder) / f"video{_suffix(source)}"
            with self._open(source) as stream, path.open("wb") as copy:
                written = 0
                while block := stream.read(BLOCK_BYTES):
                    written += len(block)
                    self._check_size(source, written)
                    copy.write(block)
            yield path

    def close(self) -> None:
        """Close the archive."""
        if self._archive is not None:
            self._archive[1].close()
            self._archive = None

    def _check_size(self, source: Source, size_bytes: int) -> None:
        if size_bytes > self._max_bytes:
            limit = f"{self._max_bytes / MIB:g} MiB"
            message = f"{source.path}: is larger than {limit}; raise --max-file-mib, or trim it"
            raise FileTooLargeError(message)

    @contextmanager
    def _open(self, source: Source) -> Iterator[BinaryIO]:
        if source.member is None:
            with self._remote.open(source.location) as stream:
                yield stream
            return
        try:
            archive = self._open_archive(source.location)
            with archive.open(source.member, source.size_bytes or 0) as stream:
                yield stream
        except ArchiveError as error:
            self.close()
            raise ArchiveError(f"{source.path}: {error}") from error

    def _open_archive(self, location: str) -> OpenArchive:
        if self._archive is None or self._archive[0] != location:
            self.close()
            is_remote = bool(scheme_of(location))
            file = self._remote.open(location, True) if is_remote else open_local(location)
            self._archive = location, OpenArchive(location, file)
        return self._archive[1]


def open_local(location: str) -> BinaryIO:
    """Open a local file for reading."""
    return Path(location).open("rb")


def _suffix(source: Source) -> str:
    """Return the suffix of a video, which names its format; never more of a foreign name."""
    name = file_name(source.location) if source.member is None else source.member.name.lower()
    suffix = PurePosixPath(name).suffix
    return suffix if suffix in MEDIA_SUFFIXES else ""
