"""Listing of what is given to a bulk analysis: files, folders, patterns, lists, archives, URLs."""

import glob
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from unmask.errors import ArchiveError
from unmask.serving.bulk.archives import is_video_name, iter_archive
from unmask.serving.bulk.input_kinds import is_archive, is_list, scheme_of
from unmask.serving.bulk.path_lists import iter_paths
from unmask.serving.bulk.remote_files import (
    RemoteEntry,
    RemoteFileError,
    RemoteFiles,
    is_web,
)
from unmask.serving.bulk.source import Listed, Opened, Problem, Source, printable_path

NO_VIDEO = "contains no video or audio file; name another folder"


def iter_sources(inputs: Sequence[str], remote: RemoteFiles) -> Iterator[Listed]:
    """Yield every video of the inputs, in their order and sorted within each, and what is wrong.

    A file is taken by name; below a folder and in an archive, files with the suffix of a video or
    of sound are, and archives are opened. Hidden files and folders are left out.

    Raises:
        DataError: A list of paths cannot be read.
        MissingExtraError: A driver, or pyarrow for a parquet list, is not installed.
    """
    for argument in inputs:
        is_named = not is_list(argument) or Path(argument).is_dir()
        for path in (argument,) if is_named else iter_paths(Path(argument)):
            yield from _iter_url(path, remote) if scheme_of(path) else _iter_local(Path(path))


def _iter_local(path: Path) -> Iterator[Listed]:
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        if glob.has_magic(str(path)):
            yield from _iter_pattern(path)
        else:
            yield _unavailable(path, error)
        return
    if stat.S_ISDIR(mode):
        yield from _require_any(str(path), _iter_folder(path))
    else:
        yield from _iter_file(path)


def _iter_pattern(pattern: Path) -> Iterator[Listed]:
    """List what a pattern matches: folders as a whole, and files as in a folder."""
    root = Path(pattern.anchor)
    matches = sorted(root.glob(str(pattern.relative_to(root))))
    wanted = [
        path
        for path in matches
        if (path.is_dir() or _is_listed(path.name))
        and not any(part.startswith(".") for part in set(path.parts) - set(pattern.parts))
    ]
    if not wanted:
        message = f"{pattern}: no file matches the pattern; check it, and quote it as a whole"
        yield Problem(printable_path(str(pattern)), "unavailable", message)
    else:
        yield Opened(printable_path(str(pattern)))
    for path in wanted:
        yield from _iter_local(path)


def _iter_folder(folder: Path) -> Iterator[Listed]:
    """Walk a folder depth first; follow links, but enter no folder twice."""
    entered: set[tuple[int, int]] = set()
    waiting = [folder]
    while waiting:
        current = waiting.pop()
        try:
            status = current.stat()
            if (status.st_dev, status.st_ino) in entered:
                continue
            entered.add((status.st_dev, status.st_ino))
            names = sorted(path.name for path in current.iterdir())
        except OSError as error:
            yield _unavailable(current, error)
            continue
        folders = []
        for name in names:
            if name.startswith("."):
                continue
            if (current / name).is_dir():
                folders.append(current / name)
            elif _is_listed(name):
                yield from _iter_file(current / name)
        waiting.extend(reversed(folders))


def _iter_file(path: Path) -> Iterator[Listed]:
    shown, location = printable_path(str(path)), str(path.absolute())
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            yield Problem(shown, "unavailable", f"{shown}: is not a regular file; name a video")
        elif is_archive(path.name):
            with path.open("rb") as file:
                yield from _require_any(shown, _iter_archive(shown, location, file))
        else:
            version = f"size {status.st_size} mtime {status.st_mtime_ns}"
            yield Source(shown, location, status.st_size, version)
    except OSError as error:
        yield _unavailable(path, error)


def _iter_archive(shown: str, location: str, file: BinaryIO) -> Iterator[Listed]:
    try:
        yield from iter_archive(shown, location, file)
    except ArchiveError as error:
        yield Problem(shown, "archive", f"{shown}: {error}")


def _iter_url(url: str, remote: RemoteFiles) -> Iterator[Listed]:
    try:
        if glob.has_magic(url) and not is_web(url):
            yield from _require_any(url, _iter_entries(remote.iter_matches(url), remote))
            return
        entry = remote.entry(url)
        if entry is not None:
            yield from _iter_entry(entry, remote)
        else:
            wanted = (item for item in remote.iter_files(url) if _is_listed(item.url))
            yield from _require_any(url, _iter_entries(wanted, remote))
    except RemoteFileError as error:
        yield Problem(url, "unavailable", str(error))


def _iter_entries(entries: Iterator[RemoteEntry], remote: RemoteFiles) -> Iterator[Listed]:
    for entry in entries:
        yield from _iter_entry(entry, remote)


def _iter_entry(entry: RemoteEntry, remote: RemoteFiles) -> Iterator[Listed]:
    if not is_archive(entry.url):
        yield Source(entry.url, entry.url, entry.size_bytes, entry.version)
        return
    with remote.open(entry.url, seekable=True) as file:
        if not file.seekable():
            message = f"{entry.url}: the server sends no parts of an archive; download it"
            yield Problem(entry.url, "unavailable", message)
        else:
            yield from _require_any(entry.url, _iter_archive(entry.url, entry.url, file))


def _require_any(name: str, listed: Iterator[Listed]) -> Iterator[Listed]:
    """Pass on what is listed; report a folder or an archive with nothing to analyze."""
    shown, is_empty = printable_path(name), True
    for item in listed:
        if is_empty and item.path != shown:
            yield Opened(shown)
        is_empty = False
        yield item
    if is_empty:
        yield Problem(shown, "unavailable", f"{shown}: {NO_VIDEO}")


def _is_listed(name: str) -> bool:
    return is_video_name(name) or (is_archive(name) and not Path(name).name.startswith("."))


def _unavailable(path: Path, error: Exception) -> Problem:
    shown = printable_path(str(path))
    if isinstance(error, FileNotFoundError):
        reason = "does not exist; check the path"
    elif isinstance(error, PermissionError):
        reason = "may not be read; change its permissions or the user"
    else:
        reason = f"cannot be read ({getattr(error, 'strerror', None) or error}); check the path"
    return Problem(shown, "unavailable", f"{shown}: {reason}")
