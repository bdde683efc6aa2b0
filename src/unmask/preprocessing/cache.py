"""Content-addressed cache of arrays on disk, and behind it in object storage.

The name of an entry is a hash of everything that determines its content, so entries are added
but never changed. Entries are written atomically and flushed to disk. A checksum is compared
before an entry is used, so damaged entries are computed again.

With object storage, many machines share one cache: what the disk lacks is read from there and
kept, and what is computed is written there first.
"""

import errno
import json
import logging
import os
import sys
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from unmask.files import atomic_write
from unmask.preprocessing.object_storage import ObjectStorage

URL_VARIABLE = "UNMASK_CACHE_URL"
SCHEMA = 2  # increase when the meaning of entries changes
STALE_S = 3600.0  # a partial file this old has no living writer
EXHAUSTED = {errno.EMFILE, errno.ENFILE}  # the process, or the machine, has no descriptor left
DAMAGED = "%s: damaged cache entry (%s); it is computed again"

Arrays = dict[str, NDArray[Any]]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """A cache entry.

    Attributes:
        facts: JSON-serialisable values.
        arrays: Arrays by name.
    """

    facts: Mapping[str, Any]
    arrays: Arrays


def cache_key(stage: str, content: str, settings: Mapping[str, Any], upstream: str = "") -> str:
    """Return the name of an entry, 64 hexadecimal digits.

    Args:
        content: SHA-256 of the media file.
        settings: Every setting that affects the result, as JSON-serialisable values.
        upstream: Key of the entry from which the stage is computed.
    """
    parts = [SCHEMA, stage, content, settings, upstream]
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


class Cache:
    """Cache entries below one folder; may be shared between processes, and sent to them.

    Args:
        root: Folder.
        url: Object storage that the folder is a copy of; by default ``UNMASK_CACHE_URL``, and an
            empty one is none.

    Raises:
        ConfigError: No driver knows the URL.
        MissingExtraError: The driver is not installed.
    """

    def __init__(self, root: Path = Path("data/cache"), url: str | None = None) -> None:
        self.root = root
        self.url = os.environ.get(URL_VARIABLE, "") if url is None else url
        self._storage = ObjectStorage(self.url) if self.url else None
        self._verified: set[tuple[Path, int, int]] = set()  # entries whose checksum matched

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process gets folder and URL, also where its environment differs."""
        return Cache, (self.root, self.url)

    def path(self, stage: str, key: str) -> Path:
        """Return the path of an entry on disk, whether it exists or not."""
        return self.root / stage / key[:2] / f"{key}.safetensors"

    def load(self, stage: str, key: str) -> Entry | None:
        """Return the entry with memory-mapped arrays; ``None`` if it is missing or damaged.

        A loaded entry keeps no file open, so any number of entries may be in use.

        Raises:
            OSError: No file can be opened at present, which says nothing about the entry.
            DataError: The object storage does not answer.
        """
        path = self.path(stage, key)
        entry = self._load(path)
        if entry is None and self._download(path):
            entry = self._load(path)
        return entry

    def holds(self, path: Path) -> bool:
        """Return whether a file below ``root`` exists, fetching it from the object storage.

        Raises:
            DataError: The object storage does not answer.
        """
        return path.is_file() or self._download(path)

    def upload(self, path: Path) -> None:
        """Write a file below ``root``, which is complete, to the object storage, if there is one.

        Raises:
            DataError: The object storage does not answer.
        """
        if self._storage is not None:
            self._storage.write(self._name(path), path.read_bytes())

    def _download(self, path: Path) -> bool:
        content = None if self._storage is None else self._storage.read(self._name(path))
        if content is not None:
            _write(path, content)
        return content is not None

    def _name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def _load(self, path: Path) -> Entry | None:
        try:
            status = path.stat()
            entry, checksum = _read(path)
        except FileNotFoundError:
            return None
        except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
            if isinstance(error, OSError) and error.errno in EXHAUSTED:
                raise _exhausted(path, error) from error
            log.warning(DAMAGED, path, error)
            return None
        except RuntimeError as error:  # a complete file cannot be mapped
            raise _exhausted(path, error) from error
        version = (path, status.st_mtime_ns, status.st_size)
        if version not in self._verified:
            if checksum != _checksum(entry):
                log.warning(DAMAGED, path, "checksum mismatch")
                return None
            self._verified.add(version)
        return entry

    def save(self, stage: str, key: str, entry: Entry) -> None:
        """Write an entry; safe with concurrent writers of the same entry.

        Raises:
            DataError: The object storage does not answer.
        """
        path = self.path(stage, key)
        # a single metadata key: safetensors writes several in arbitrary order
        header = _to_json({"facts": entry.facts, "checksum": _checksum(entry)})
        arrays = {name: np.ascontiguousarray(array) for name, array in entry.arrays.items()}
        content = save(arrays, metadata={"entry": header})
        if self._storage is not None:  # first, so that what is on disk is there as well
            self._storage.write(self._name(path), content)
        _write(path, content)

    def purge_partials(self) -> int:
        """Delete the partial files of killed writers, and return their number."""
        stale = [
            path
            for path in self.root.glob("*/*/.*.part")
            if time.time() - path.stat().st_mtime > STALE_S
        ]
        for path in stale:
            path.unlink(missing_ok=True)
        return len(stale)


def _write(path: Path, content: bytes) -> None:
    with atomic_write(path) as unfinished, unfinished.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path) -> tuple[Entry, int]:
    """Map the arrays of a file, so that unused parts are never read from disk.

    The arrays may be changed; changes do not reach the file. Through PyTorch, the safetensors
    library maps a file and closes it. Its arrays for NumPy are copies, of which a training sample
    uses a third, and a mapping of Python's ``mmap`` keeps a file descriptor. A process without
    PyTorch, such as a worker that fills the cache, gets copies: the import takes seconds.
    """
    path.open("rb").close()  # safe_open reports every failure to open a file as a missing file
    with safe_open(path, framework="pt" if "torch" in sys.modules else "np") as file:
        header = json.loads(file.metadata()["entry"])
        arrays = {name: np.asarray(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118
    return Entry(header["facts"], arrays), int(header["checksum"])


def _exhausted(path: Path, error: Exception) -> OSError:
    message = f"{error}; raise the limit of open files (ulimit -n), or use fewer processes"
    return OSError(errno.EMFILE, message, str(path))


def _checksum(entry: Entry) -> int:
    checksum = zlib.crc32(_to_json(entry.facts).encode())
    for name in sorted(entry.arrays):
        array = np.ascontiguousarray(entry.arrays[name])
        checksum = zlib.crc32(f"{name} {array.dtype.name} {array.shape}".encode(), checksum)
        checksum = zlib.crc32(array.reshape(-1).view(np.uint8).data, checksum)
    return checksum


def _to_json(facts: Mapping[str, Any]) -> str:
    return json.dumps(facts, sort_keys=True)
