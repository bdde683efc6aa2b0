"""Where uploads and evidence lie: a folder, or any store that speaks S3."""

import hashlib
import hmac
import logging
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO
from urllib.parse import urlencode, urlsplit

import fsspec
from botocore.exceptions import BotoCoreError

from bento.settings import ServiceSettings
from unmask.errors import UnmaskError

AWAY = "the store of uploads and evidence does not answer; try again soon"
log = logging.getLogger(__name__)


class StorageUnavailableError(UnmaskError):
    """A store that does not answer, or not to this service."""


class ObjectStore:
    """Files by key, ``<job id>/<name>``.

    Args:
        signing_key: Signs addresses of a local store.

    Attributes:
        work: A folder for files on their way; next to a local store, so that moving is renaming.

    Raises:
        StoreAwayError: A store elsewhere does not answer; so does every method.
    """

    def __init__(self, settings: ServiceSettings, signing_key: bytes) -> None:
        url = settings.storage_url
        options = s3_options(settings) if url.startswith("s3://") else {}
        self.fs, root = fsspec.core.url_to_fs(url, **options)
        self.root = str(root).rstrip("/")
        self.local = "file" in _protocols(self.fs)
        self.work = settings.folder.resolve() / "work"
        self.work.mkdir(parents=True, exist_ok=True)
        self._key = signing_key

    def put(self, key: str, source: Path) -> None:
        """Take ``source`` into the store; it is whole there or not there, and gone here."""
        target = f"{self.root}/{key}"
        if self.local:
            Path(target).parent.mkdir(parents=True, exist_ok=True)
            arriving = Path(f"{target}.arriving")
            shutil.move(source, arriving)
            arriving.replace(target)
        else:
            with self._answering():
                self.fs.put_file(str(source), target)
            source.unlink()

    def copy(self, key: str, other: str) -> None:
        """Copy one file of the store to another key."""
        target = f"{self.root}/{other}"
        if self.local:
            Path(target).parent.mkdir(parents=True, exist_ok=True)
        with self._answering():
            self.fs.cp_file(f"{self.root}/{key}", target)

    def exists(self, key: str) -> bool:
        """Whether there is such a file."""
        try:
            with self._answering():
                return bool(self.fs.info(f"{self.root}/{key}")["type"] == "file")
        except FileNotFoundError:
            return False

    def open(self, key: str) -> BinaryIO:
        """Open a file to read."""
        with self._answering():
            return self.fs.open(f"{self.root}/{key}", "rb")

    @contextmanager
    def local_copy(self, key: str) -> Iterator[Path]:
        """A file of the store as a path of this machine, for the length of the block."""
        if self.local:
            yield Path(f"{self.root}/{key}")
            return
        with TemporaryDirectory(dir=self.work) as folder:
            path = Path(folder) / "file"
            with self._answering():
                self.fs.get_file(f"{self.root}/{key}", str(path))
            yield path

    def remove(self, key: str) -> None:
        """Remove a file or everything under a folder; nothing there is nothing to do."""
        self.fs.invalidate_cache()
        with self._answering(), suppress(FileNotFoundError):
            self.fs.rm(f"{self.root}/{key}", recursive=True)

    def purge_work_dir(self, older_than_s: float) -> None:
        """Remove what a killed process left on its way."""
        oldest = time.time() - older_than_s
        for path in self.work.iterdir():
            with suppress(FileNotFoundError):  # another process sweeps too
                if path.stat().st_mtime < oldest:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()

    def list_job_ids(self, older_than_s: float) -> set[str]:
        """Names of all jobs with files that are older than that."""
        oldest, found = time.time() - older_than_s, set()
        for path, about in self.fs.find(self.root, detail=True).items():
            changed = about["mtime"] if self.local else about["LastModified"].timestamp()
            if changed < oldest:
                found.add(path.removeprefix(f"{self.root}/").split("/")[0])
        return found

    def signed_url(self, key: str, route: str, lasts_s: float) -> str:
        """An address that gives the file without a key, for ``lasts_s`` seconds.

        Of S3 it is the store's own signed address; of a folder it is ``route`` with a signature.
        """
        if not self.local:
            return str(self.fs.sign(f"{self.root}/{key}", expiration=int(lasts_s)))
        expires = str(int(time.time() + lasts_s))
        return f"{route}?{urlencode({'expires': expires, 'signature': self._sign(route, expires)})}"

    @cached_property
    def origin(self) -> str:
        """Where signed addresses lead, as a browser names it; empty where they stay here."""
        if self.local:
            return ""
        parts = urlsplit(self.signed_url("a", "", 1.0))
        return f"{parts.scheme}://{parts.netloc}"

    def verify_url(self, route: str, expires: str, signature: str) -> bool:
        """Whether a signed address of :meth:`link` is genuine and still works."""
        fresh = (
            expires.isascii()
            and expires.isdigit()
            and len(expires) < 16
            and int(expires) > time.time()
        )
        return fresh and hmac.compare_digest(
            self._sign(route, expires).encode(), signature.encode()
        )

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except (OSError, BotoCoreError) as error:
            if self.local or isinstance(error, FileNotFoundError):
                raise
            log.warning("the store: %s: %s", type(error).__name__, error)
            raise StorageUnavailableError(AWAY) from error

    def _sign(self, route: str, expires: str) -> str:
        said = f"{route}\n{expires}".encode()
        return hmac.new(self._key, said, hashlib.sha256).hexdigest()


def s3_options(settings: ServiceSettings) -> dict[str, Any]:
    """What fsspec is told about a store that speaks S3."""
    options: dict[str, Any] = {"use_listings_cache": False}
    if settings.s3_endpoint:
        options["client_kwargs"] = {"endpoint_url": settings.s3_endpoint}
    return options


def _protocols(fs: Any) -> tuple[str, ...]:
    return (fs.protocol,) if isinstance(fs.protocol, str) else tuple(fs.protocol)
