"""Imports a video from an object store: `storage_url` in an allowed S3 bucket."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import BinaryIO, cast

import fsspec
from botocore.exceptions import BotoCoreError

from bento.errors import StorageUnavailableError
from bento.settings import ServiceSettings
from bento.storage.import_buckets import allowed_for, may_import
from bento.storage.object_store import s3_options
from unmask.errors import MediaError

S3_URL = re.compile(
    r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(?P<key>[^\x00-\x1f]{1,1024})"
)

log = logging.getLogger(__name__)


class BucketObject:
    """An object of an allowed bucket, opened for reading.

    Attributes:
        name: Last part of the object's key.

    Raises:
        MediaError: The URL is not allowed, or the object does not exist.
        StorageUnavailableError: The store does not respond; also while reading.
    """

    def __init__(self, url: str, tenant: str, settings: ServiceSettings) -> None:
        match, entries = S3_URL.fullmatch(url), settings.import_buckets
        if not match or not may_import(entries, tenant, match["bucket"], match["key"]):
            allowed = ", ".join(allowed_for(entries, tenant)) or "none"
            raise MediaError(
                f"storage_url: expected s3://<bucket>/<key> in an allowed bucket ({allowed}), or "
                "https://… on an allowed host"
            )
        self.name = match["key"].rsplit("/", 1)[-1]
        with self._translate_errors():
            store = fsspec.filesystem("s3", **s3_options(settings))
            # not fsspec.open(url), which takes `::` in a URL for chained file systems
            self._file = store.open(f"{match['bucket']}/{match['key']}", "rb")

    def read(self, size: int) -> bytes:
        """Read the next bytes."""
        with self._translate_errors():
            return bytes(self._file.read(size))

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
            message = f"storage_url: {self.name} does not exist or is not readable; check the URL"
            raise MediaError(message) from error
        except (OSError, ValueError, BotoCoreError) as error:
            log.warning("storage_url: %s: %s", type(error).__name__, error)
            message = (
                "storage_url: the object store does not respond; retry, or upload the video itself"
            )
            raise StorageUnavailableError(message) from error

    def __enter__(self) -> BinaryIO:
        """Return the object as a readable file."""
        return cast("BinaryIO", self)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the object."""
        self._file.close()
