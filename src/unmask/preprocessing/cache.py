"""Content-addressed cache of arrays on disk.

The name of an entry is a hash of everything that determines its content, so entries are added
but never changed. Entries are written atomically and flushed to disk. A checksum is compared
before an entry is used, so damaged entries are computed again.
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

SCHEMA = 2  # increase when the meaning of entries changes
STALE_S = 3600.0  # a partial file this old has no living writer
# All dtypes that both safetensors and NumPy know, by their safetensors names
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
    """Cache entries below one folder; may be shared between processes."""

    def __init__(self, root: Path = Path("data/cache")) -> None:
        self.root = root
        self._verified: set[tuple[Path, int, int]] = set()  # entries whose checksum matched

    def path(self, stage: str, key: str) -> Path:
        """Return the path of an entry, whether it exists or not."""
        return self.root / stage / key[:2] / f"{key}.safetensors"

    def load(self, stage: str, key: str) -> Entry | None:
        """Return the entry with memory-mapped arrays; ``None`` if it is missing or damaged."""
        path = self.path(stage, key)
        try:
            status = path.stat()
            entry, checksum = _read(path)
        except FileNotFoundError:
            return None
        except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
            log.warning(DAMAGED, path, error)
            return None
        version = (path, status.st_mtime_ns, status.st_size)
        if version not in self._verified:
            if checksum != _checksum(entry):
                log.warning(DAMAGED, path, "checksum mismatch")
                return None
            self._verified.add(version)
        return entry

    def save(self, stage: str, key: str, entry: Entry) -> None:
        """Write an entry; safe with concurrent writers of the same entry."""
        path = self.path(stage, key)
        # a single metadata key: safetensors writes several in arbitrary order
        header = _to_json({"facts": entry.facts, "checksum": _checksum(entry)})
        arrays = {name: np.ascontiguousarray(array) for name, array in entry.arrays.items()}
        with atomic_write(path) as unfinished, unfinished.open("xb") as file:
            file.write(save(arrays, metadata={"entry": header}))
            file.flush()
            os.fsync(file.fileno())

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


def _read(path: Path) -> tuple[Entry, int]:
    with safe_open(path, framework="numpy") as file:
        header = json.loads(file.metadata()["entry"])
    return Entry(header["facts"], _map_arrays(path)), int(header["checksum"])


def _map_arrays(path: Path) -> Arrays:
    """Map the arrays of a safetensors file, so that unused parts are never read from disk.

    The safetensors library copies whole arrays, of which a training sample uses a third.
    """
    with path.open("rb") as file:
        data_start = 8 + int.from_bytes(file.read(8), "little")
        tensors = json.loads(file.read(data_start - 8))
        # copy on write: changes by a reader do not reach the file
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    del tensors["__metadata__"]
    return {
        name: np.ndarray(
            tuple(tensor["shape"]),
            DTYPES[tensor["dtype"]],
            mapped,
            data_start + tensor["data_offsets"][0],
        )
        for name, tensor in tensors.items()
    }


def _checksum(entry: Entry) -> int:
    checksum = zlib.crc32(_to_json(entry.facts).encode())
    for name in sorted(entry.arrays):
        array = np.ascontiguousarray(entry.arrays[name])
        checksum = zlib.crc32(f"{name} {array.dtype.name} {array.shape}".encode(), checksum)
        checksum = zlib.crc32(array.reshape(-1).view(np.uint8).data, checksum)
    return checksum


def _to_json(facts: Mapping[str, Any]) -> str:
    return json.dumps(facts, sort_keys=True)
