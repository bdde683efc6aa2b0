"""Object store for uploads and evidence: a local folder or an S3-compatible bucket."""

import logging
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import fsspec
from botocore.exceptions import BotoCoreError

from bento.errors import StorageUnavailableError
from bento.settings import ServiceSettings
from bento.storage.signed_urls import UrlSigner

UNAVAILABLE = "the object store does not answer; retry soon"
log = logging.getLogger(__name__)


class ObjectStore:
    """Files by key; :mod:`bento.storage.keys` defines the keys.

    Args:
        signing_key: Signs URLs of a local store.

    Attributes:
        local: Whether the store is a folder of this machine.
        work: Folder for temporary files, on the file system of a local store.

    Raises:
        StorageUnavailableError: A remote store does not answer; any method may raise this.
    """

    def __init__(self, settings: ServiceSettings, signing_key: bytes) -> None:
        url = settings.storage_url
        options = s3_options(settings) if url.startswith("s3://") else {}
        self.fs, root = fsspec.core.url_to_fs(url, **options)
        self.root = str(root).rstrip("/")
        self.local = "file" in _protocols(self.fs)
        self.work = settings.work_folder
        self.work.mkdir(parents=True, exist_ok=True)
        self._signer = UrlSigner(signing_key)

    def put(self, key: str, source: Path) -> None:
        """Move ``source`` into the store atomically."""
        target = f"{self.root}/{key}"
        if self.local:
            Path(target).parent.mkdir(parents=True, exist_ok=True)
            partial = Path(f"{target}.arriving")
            shutil.move(source, partial)
            partial.replace(target)
        else:
            with self._translate_errors():
                self.fs.put_file(str(source), target)
            source.unlink()

    def copy(self, source: str, target: str) -> None:
        """Copy the file at key ``source`` to key ``target``."""
        path = f"{self.root}/{target}"
        if self.local:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        with self._translate_errors():
            self.fs.cp_file(f"{self.root}/{source}", path)

    def exists(self, key: str) -> bool:
        """Return whether the file exists."""
        try:
            with self._translate_errors():
                return bool(self.fs.info(f"{self.root}/{key}")["type"] == "file")
        except FileNotFoundError:
            return False

    def open(self, key: str) -> BinaryIO:
        """Open a file for reading."""
        with self._translate_errors():
            return self.fs.open(f"{self.root}/{key}", "rb")

    @contextmanager
    def local_copy(self, key: str) -> Iterator[Path]:
        """Yield a local path of the file; a download is deleted at the end of the block."""
        if self.local:
            yield Path(f"{self.root}/{key}")
            return
        with TemporaryDirectory(dir=self.work) as folder:
            path = Path(folder) / "file"
            with self._translate_errors():
                self.fs.get_file(f"{self.root}/{key}", str(path))
            yield path

    def remove(self, key: str) -> None:
        """Delete a file or everything below a prefix; a missing key is ignored."""
        self.fs.invalidate_cache()
        with self._translate_errors(), suppress(FileNotFoundError):
            self.fs.rm(f"{self.root}/{key}", recursive=True)

    def purge_work_dir(self, older_than_s: float) -> None:
        """Delete temporary files of killed processes."""
        oldest = time.time() - older_than_s
        for path in self.work.iterdir():
            with suppress(FileNotFoundError):  # another process may purge as well
                if path.stat().st_mtime < oldest:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()

    def list_job_ids(self, older_than_s: float) -> set[str]:
        """Return the ids of all jobs that have files older than ``older_than_s``."""
        oldest, job_ids = time.time() - older_than_s, set()
        for path, info in self.fs.find(self.root, detail=True).items():
            modified = info["mtime"] if self.local else info["LastModified"].timestamp()
            if modified < oldest:
                job_ids.add(path.removeprefix(f"{self.root}/").split("/")[0])
        return job_ids

    def signed_url(self, key: str, route: str, lifetime_s: float) -> str:
        """Return a URL of the file that works without an API key for ``lifetime_s``.

        S3 has its own signed URLs; for a local store it is ``route`` with a signature.
        """
        if not self.local:
            return str(self.fs.sign(f"{self.root}/{key}", expiration=int(lifetime_s)))
        return self._signer.sign(route, lifetime_s)

    @cached_property
    def origin(self) -> str:
        """Origin of signed URLs for a content security policy; empty for a local store."""
        if self.local:
            return ""
        parts = urlsplit(self.signed_url("a", "", 1.0))
        return f"{parts.scheme}://{parts.netloc}"

    def verify_url(self, route: str, expires: str, signature: str) -> bool:
        """Return whether a URL of :meth:`signed_url` is genuine and has not expired."""
        return self._signer.verify(route, expires, signature)

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        try:
            yield
        except (OSError, BotoCoreError) as error:
            if self.local or isinstance(error, FileNotFoundError):
                raise
            log.warning("object store: %s: %s", type(error).__name__, error)
            raise StorageUnavailableError(UNAVAILABLE) from error


def s3_options(settings: ServiceSettings) -> dict[str, Any]:
    """Return fsspec's options for an S3-compatible store."""
    options: dict[str, Any] = {
        "use_listings_cache": False,
        # newer regions of AWS take no other version
        "config_kwargs": {"signature_version": "s3v4"},
    }
    if settings.s3_endpoint:
        options["client_kwargs"] = {"endpoint_url": settings.s3_endpoint}
    else:
        options["cache_regions"] = True  # signs for the region of the bucket
    return options


def _protocols(fs: Any) -> tuple[str, ...]:
    return (fs.protocol,) if isinstance(fs.protocol, str) else tuple(fs.protocol)
