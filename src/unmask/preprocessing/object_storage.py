"""Files of the cache in object storage: one request reads or writes a file, none lists."""

from pathlib import Path
from typing import Any

from unmask.errors import ConfigError, DataError, MissingExtraError
from unmask.files import atomic_write
from unmask.optional_deps import require

EXTRA = "bulk"
# s3fs asks for the size before it reads in parallel, and lists where there is no such file
ONE_REQUEST = {"max_concurrency": 1}
REMEDY = "check UNMASK_CACHE_URL, the credentials, and the rights to read, list and write there"


class ObjectStorage:
    """Files below a URL that any driver of fsspec reads, such as ``s3://bucket/cache``.

    Args:
        url: May lead to a folder of a shared file system, too: ``file:///mnt/cache``.

    Raises:
        ConfigError: No driver knows the URL.
        MissingExtraError: fsspec or the driver is not installed.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._options = ONE_REQUEST if url.startswith("s3") else {}
        self._connect()

    def read(self, name: str) -> bytes | None:
        """Return the content of a file; ``None`` if there is none.

        Raises:
            DataError: The storage does not answer, or refuses.
        """
        store, root = self._connect()
        try:
            return bytes(store.cat_file(f"{root}/{name}"))
        except FileNotFoundError:
            return None
        except Exception as error:  # each driver has its own
            raise self._failure(name, "read", error) from error

    def write(self, name: str, content: bytes) -> None:
        """Write a file; readers see all of it or nothing.

        Raises:
            DataError: The storage does not answer, or refuses.
        """
        store, root = self._connect()
        try:
            if "file" in _protocols(store):  # an object store has neither folders nor half a file
                with atomic_write(Path(f"{root}/{name}")) as unfinished:
                    unfinished.write_bytes(content)
            else:
                store.pipe_file(f"{root}/{name}", content)
        except Exception as error:  # each driver has its own
            raise self._failure(name, "written", error) from error

    def _connect(self) -> tuple[Any, str]:
        """Return the file system and the path of the root; fsspec keeps one for each process."""
        fsspec = require("fsspec", extra=EXTRA)
        try:
            store, root = fsspec.core.url_to_fs(self.url, use_listings_cache=False, **self._options)
        except ImportError as error:
            message = f"{self.url}: takes a driver; install it with: pip install 'unmask[{EXTRA}]'"
            raise MissingExtraError(message) from error
        except ValueError as error:
            message = f"{self.url}: is no URL of a storage ({error}); write s3://bucket/folder"
            raise ConfigError(message) from error
        return store, root.rstrip("/")

    def _failure(self, name: str, act: str, error: Exception) -> DataError:
        detail = " ".join(f"{type(error).__name__}: {error}".split())
        return DataError(f"{self.url}/{name}: cannot be {act} ({detail}); {REMEDY}")


def _protocols(store: Any) -> tuple[str, ...]:
    return (store.protocol,) if isinstance(store.protocol, str) else tuple(store.protocol)
