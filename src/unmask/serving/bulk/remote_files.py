"""Remote files, read through fsspec: `s3://`, `gs://`, and `https://` from allowed hosts.

Credentials, endpoints and regions come from where each driver looks for them, such as
``AWS_ENDPOINT_URL`` and ``~/.aws``.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, cast
from urllib.parse import urljoin, urlsplit

from unmask.errors import MissingExtraError, UnmaskError
from unmask.optional_deps import require
from unmask.serving.bulk.input_kinds import scheme_of

EXTRA = "bulk"
# scheme to the package that fsspec reads it with
DRIVERS = {"s3": "s3fs", "gs": "gcsfs", "https": "aiohttp"}
WEB_SCHEMES = ("https",)
MISSING = (401, 403, 404, 410)  # statuses of HTTP
# what a store states of the content, the most reliable first
VERSION_FIELDS = (
    *("ETag", "etag", "md5Hash", "Content-MD5", "Digest"),
    *("Last-Modified", "LastModified", "updated", "mtime"),
)


class RemoteFileError(UnmaskError):
    """A remote file is missing, not allowed, or its server does not respond."""


@dataclass(frozen=True, slots=True)
class RemoteEntry:
    """What a store states of a file.

    Attributes:
        size_bytes: Null where it is not stated.
        version: Changes with the content; empty where the store states nothing.
    """

    url: str
    size_bytes: int | None
    version: str


class RemoteFiles:
    """Lists and opens remote files.

    Args:
        allowed_hosts: Hosts of ``https://`` URLs, with the port where it is not 443. Redirects to
            other hosts are refused.
    """

    def __init__(self, allowed_hosts: tuple[str, ...] = ()) -> None:
        self.allowed_hosts = tuple(host.lower() for host in allowed_hosts)
        self._stores: dict[str, Any] = {}

    def entry(self, url: str) -> RemoteEntry | None:
        """Return size and version of a file; ``None`` for a folder.

        Raises:
            RemoteFileError: It does not exist, the scheme or the host is not allowed, or the store
                does not respond.
            MissingExtraError: The driver is not installed.
        """
        store = self._store(url)
        with _translate_errors(url):
            info = store.info(_key(url))
        return None if info["type"] == "directory" else _entry(url, info)

    def iter_files(self, url: str) -> Iterator[RemoteEntry]:
        """Yield the files below a folder, one folder in memory at a time; raises as ``entry``."""
        store, scheme = self._store(url), scheme_of(url)
        with _translate_errors(url):
            for _, _, files in store.walk(_key(url), detail=True):
                for _, info in sorted(files.items()):
                    yield _entry(f"{scheme}://{store._strip_protocol(info['name'])}", info)

    def iter_matches(self, url: str) -> Iterator[RemoteEntry]:
        """Yield the files that match a pattern; raises as ``entry``."""
        store, scheme = self._store(url), scheme_of(url)
        with _translate_errors(url):
            for name, info in sorted(store.glob(_key(url), detail=True).items()):
                if info["type"] != "directory":
                    yield _entry(f"{scheme}://{store._strip_protocol(name)}", info)

    def open(self, url: str, seekable: bool = False) -> BinaryIO:
        """Open a file for reading; raises as ``entry``, also while it is read.

        Args:
            seekable: For archives; a web server then has to support ranges.
        """
        store = self._store(url)
        options = {} if seekable or not is_web(url) else {"block_size": 0}  # one request
        with _translate_errors(url):
            file = store.open(_key(url), "rb", **options)
        return cast("BinaryIO", _RemoteFile(file, url))

    def _store(self, url: str) -> Any:
        """Return the file system of a URL.

        Not ``fsspec.open(url)``, which takes ``::`` in a URL for chained file systems.
        """
        scheme = scheme_of(url)
        if scheme not in DRIVERS:
            known = ", ".join(f"{name}://" for name in DRIVERS)
            message = f"{url}: {scheme}:// is not supported; use a local path or {known}"
            raise RemoteFileError(message)
        if is_web(url):
            self._check_host(url)
        if scheme not in self._stores:
            require("fsspec", extra=EXTRA)
            require(DRIVERS[scheme], extra=EXTRA)
            self._stores[scheme] = self._connect(scheme)
        return self._stores[scheme]

    def _connect(self, scheme: str) -> Any:
        import fsspec

        options: dict[str, Any] = {"use_listings_cache": False, "skip_instance_cache": True}
        if scheme in WEB_SCHEMES:
            options["client_kwargs"] = {"trace_configs": [self._redirect_guard()]}
        try:
            return fsspec.filesystem(scheme, **options)
        except ImportError as error:
            remedy = f"install it with: pip install 'unmask[{EXTRA}]'"
            raise MissingExtraError(f"{scheme}:// takes a driver; {remedy}") from error

    def _check_host(self, url: str) -> None:
        host = urlsplit(url).netloc.rpartition("@")[2].lower()
        if host not in self.allowed_hosts:
            allowed = ", ".join(self.allowed_hosts) or "none"
            raise RemoteFileError(
                f"{url}: {host} is not an allowed host ({allowed}); add --allow-host {host}"
            )

    def _redirect_guard(self) -> Any:
        """Refuse a redirect to a host that is not allowed."""
        import aiohttp

        async def check(_session: Any, _context: Any, parameters: Any) -> None:
            response = parameters.response
            target = urljoin(str(response.url), response.headers.get("Location", ""))
            if not is_web(target):
                raise RemoteFileError(f"{response.url}: leads to {target}, which is not allowed")
            self._check_host(target)

        guard = aiohttp.TraceConfig()
        guard.on_request_redirect.append(check)
        return guard


def is_web(url: str) -> bool:
    """Return whether a URL is read from a web server, which lists no folders."""
    return scheme_of(url) in WEB_SCHEMES


def _key(url: str) -> str:
    """Return what the driver takes: the whole URL of a web server, else bucket and key."""
    return url if is_web(url) else url.partition("://")[2]


def _entry(url: str, info: Mapping[str, Any]) -> RemoteEntry:
    size_bytes = info.get("size")
    stated = [] if size_bytes is None else [f"size {size_bytes}"]
    stated += [f"{name} {info[name]}" for name in VERSION_FIELDS if info.get(name)][:1]
    return RemoteEntry(url, size_bytes, " ".join(stated))


class _RemoteFile:
    """A remote file whose errors name its URL."""

    def __init__(self, file: Any, url: str) -> None:
        self._file, self._url = file, url

    def read(self, size: int = -1) -> bytes:
        with _translate_errors(self._url):
            return bytes(self._file.read(size))

    def seekable(self) -> bool:
        return bool(self._file.seekable())

    def seek(self, offset: int, whence: int = 0) -> int:
        with _translate_errors(self._url):
            return int(self._file.seek(offset, whence))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> "_RemoteFile":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


@contextmanager
def _translate_errors(url: str) -> Iterator[None]:
    """Name the URL in whatever a driver raises; each has its own exceptions."""
    try:
        yield
    except UnmaskError:
        raise
    except Exception as error:
        # fsspec raises FileNotFoundError for whatever a web server answers
        causes = list(_iter_causes(error))
        for cause in causes:
            if isinstance(cause, RemoteFileError):
                raise cause from None
        is_missing = not is_web(url) or len(causes) == 1 or _status(causes[-1]) in MISSING
        if isinstance(error, FileNotFoundError) and is_missing:
            reason = "does not exist, or may not be read; check the URL and the credentials"
        else:
            detail = " ".join(f"{type(causes[-1]).__name__}: {causes[-1]}".split())
            reason = f"cannot be read ({detail}); check credentials and connection"
        raise RemoteFileError(f"{url}: {reason}") from error


def _status(error: BaseException) -> int | None:
    return getattr(error, "status", None)


def _iter_causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
