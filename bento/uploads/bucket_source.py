"""Videos that lie in a store already: `storage_url`, of buckets that are allowed by name."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import BinaryIO, cast

import fsspec
from botocore.exceptions import BotoCoreError

from bento.settings import ServiceSettings
from bento.storage.object_store import StorageUnavailableError, s3_options
from unmask.errors import MediaError

ADDRESS = re.compile(
    r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(?P<key>[^\x00-\x1f]{1,1024})"
)

log = logging.getLogger(__name__)


class BucketObject:
    """A file of an allowed bucket, open to be read; every failure names what was asked for.

    Attributes:
        name: The last part of its key.

    Raises:
        MediaError: The address is not allowed, or nothing is there.
        StoreAwayError: The store does not answer; also while reading.
    """

    def __init__(self, address: str, settings: ServiceSettings) -> None:
        found, allowed = ADDRESS.fullmatch(address), settings.import_buckets
        if not found or found["bucket"] not in allowed:
            named = ", ".join(allowed) or "none is allowed here"
            raise MediaError(f"storage_url: wanted s3://<bucket>/<key> of these buckets: {named}")
        self.name = found["key"].rsplit("/", 1)[-1]
        with self._answering():
            store = fsspec.filesystem("s3", **s3_options(settings))
            # and not by its address: fsspec would take `::` in it for a chain of stores
            self._file = store.open(f"{found['bucket']}/{found['key']}", "rb")

    def read(self, size: int) -> bytes:
        """The next bytes."""
        with self._answering():
            return bytes(self._file.read(size))

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
            words = f"storage_url: {self.name} is not there, or may not be read; correct it"
            raise MediaError(words) from error
        except (OSError, ValueError, BotoCoreError) as error:
            log.warning("storage_url: %s: %s", type(error).__name__, error)
            words = "storage_url: its store does not answer; try again, or send the video itself"
            raise StorageUnavailableError(words) from error

    def __enter__(self) -> BinaryIO:
        """Use it for the length of a block."""
        return cast("BinaryIO", self)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self._file.close()
