"""A content-addressed store of arrays.

An entry's name is a hash of everything that decides its content, so an entry is never
changed, only added. It is written beside its place, flushed to disk and renamed, so it is
there whole or not at all; a checksum over its content is compared before it is used, so
what a failing disk leaves is computed again and never read.
"""

import json
import logging
import mmap
import os
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

SCHEMA = 2  # raise it when the meaning of an entry changes
STALE_S = 3600.0  # no write takes this long: its writer is dead
# as safetensors calls them; it has no others that numpy knows
DTYPES = {
    "BOOL": np.bool_,
    "U8": np.uint8,
    "I8": np.int8,
    "U16": np.uint16,
    "I16": np.int16,
    "U32": np.uint32,
    "I32": np.int32,
    "U64": np.uint64,
    "I64": np.int64,
    "F16": np.float16,
    "F32": np.float32,
    "F64": np.float64,
}
DAMAGED = "%s is damaged (%s) and is made again"

Arrays = dict[str, NDArray[Any]]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """Arrays by name, and facts that go into JSON."""

    facts: Mapping[str, Any]
    arrays: Arrays


def cache_key(stage: str, content: str, settings: Mapping[str, Any], upstream: str = "") -> str:
    """Name of an entry, 64 hexadecimal digits.

    Args:
        content: Hash of the file's bytes.
        settings: All that changes the stage's result, as plain values.
        upstream: Key of the entry that the stage builds on.
    """
    parts = [SCHEMA, stage, content, settings, upstream]
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


class Cache:
    """Entries below one folder, safe to share between processes."""

    def __init__(self, root: Path = Path("data/cache")) -> None:
        self.root = root
        self._sound: set[tuple[Path, int, int]] = set()  # entries whose checksum was compared

    def path(self, stage: str, key: str) -> Path:
        """Where an entry lies or would lie."""
        return self.root / stage / key[:2] / f"{key}.safetensors"

    def load(self, stage: str, key: str) -> Entry | None:
        """The entry, its arrays mapped from disk; ``None`` if it is absent or damaged."""
        path = self.path(stage, key)
        try:
            status = path.stat()
            entry, checksum = _read(path)
        except FileNotFoundError:
            return None
        except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
            log.warning(DAMAGED, path, error)
            return None
        mark = (path, status.st_mtime_ns, status.st_size)
        if mark not in self._sound:
            if checksum != _checksum(entry):
                log.warning(DAMAGED, path, "its checksum differs")
                return None
            self._sound.add(mark)
        return entry

    def save(self, stage: str, key: str, entry: Entry) -> None:
        """Add an entry; a second writer of the same entry does no harm."""
        path = self.path(stage, key)
        # one line of metadata: safetensors writes several in any order
        about = _as_json({"facts": entry.facts, "checksum": _checksum(entry)})
        arrays = {name: np.ascontiguousarray(array) for name, array in entry.arrays.items()}
        with atomic_write(path) as unfinished, unfinished.open("xb") as file:
            file.write(save(arrays, metadata={"entry": about}))
            file.flush()
            os.fsync(file.fileno())

    def purge_partials(self) -> int:
        """Remove what killed writers left, and say how many files that were."""
        stale = [
            path
            for path in self.root.glob("*/*/.*.part")
            if time.time() - path.stat().st_mtime > STALE_S
        ]
        for path in stale:
            path.unlink(missing_ok=True)
        return len(stale)


def _read(path: Path) -> tuple[Entry, int]:
    with safe_open(path, framework="numpy") as file:
        about = json.loads(file.metadata()["entry"])
    return Entry(about["facts"], _mapped(path)), int(about["checksum"])


def _mapped(path: Path) -> Arrays:
    """The arrays of a safetensors file; what is not looked at is never read from disk.

    The library itself copies whole arrays, of which a training sample needs a third.
    """
    with path.open("rb") as file:
        begin = 8 + int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(begin - 8))
        # copy on write: what a reader changes stays its own
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    del header["__metadata__"]
    return {
        name: np.ndarray(
            tuple(about["shape"]), DTYPES[about["dtype"]], mapped, begin + about["data_offsets"][0]
        )
        for name, about in header.items()
    }


def _checksum(entry: Entry) -> int:
    total = zlib.crc32(_as_json(entry.facts).encode())
    for name in sorted(entry.arrays):
        array = np.ascontiguousarray(entry.arrays[name])
        total = zlib.crc32(f"{name} {array.dtype.name} {array.shape}".encode(), total)
        total = zlib.crc32(array.reshape(-1).view(np.uint8).data, total)
    return total


def _as_json(facts: Mapping[str, Any]) -> str:
    return json.dumps(facts, sort_keys=True)
