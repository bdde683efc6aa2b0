"""What a file's bytes hash to."""

import hashlib
from functools import lru_cache
from pathlib import Path

from unmask.errors import MediaError


def file_sha256(path: Path) -> str:
    """SHA-256 of the file's bytes, 64 hexadecimal digits.

    A file whose size and modification time have not changed is not read again by the same
    process.

    Raises:
        MediaError: ``path`` is absent, a folder, or may not be read.
    """
    try:
        status = path.stat()
        if path.is_dir():
            raise MediaError(f"{path}: is a folder, not a file; name a file inside it")
        return _hashed(path.absolute(), status.st_size, status.st_mtime_ns, status.st_ino)
    except FileNotFoundError as error:
        raise MediaError(f"{path}: does not exist; check the path") from error
    except OSError as error:
        raise MediaError(f"{path}: cannot be read ({error.strerror}); check its rights") from error


@lru_cache(maxsize=65_536)
def _hashed(path: Path, _size: int, _mtime_ns: int, _inode: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
