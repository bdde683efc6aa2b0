"""Reads a video from a web server: `storage_url` on an allowed host.

SSRF: each URL on the way, redirects included, must name a host of ``UNMASK_IMPORT_HOSTS``. Its name
is resolved once, must have public addresses only, and the request goes to the address that was
checked, so that a second answer of a name server (DNS rebinding) leads nowhere.
"""

import logging
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import BinaryIO, cast
from urllib.parse import unquote, urljoin, urlsplit

import httpx

from bento.errors import SourceRefusedError, StorageUnavailableError, WebhookUrlError
from bento.settings import ServiceSettings
from bento.webhooks.url_guard import ResolvedTarget, resolve_public_target

WEB_URL = re.compile(r"https?://[\x21-\x7e]{1,1200}")
MAX_REDIRECTS = 5
TIMEOUT_S = 15.0  # to connect, and between two blocks
TOTAL_S = 900.0
BLOCK_BYTES = 1 << 16
MISSING = (401, 403, 404, 410)
UNAVAILABLE = "storage_url: the web server does not respond; retry, or upload the video itself"

log = logging.getLogger(__name__)


class WebFile:
    """A file on an allowed host, opened for reading.

    Attributes:
        name: Last part of the path of the URL that was sent.

    Raises:
        SourceRefusedError: The URL, or one that it redirects to, is not allowed, or the file does
            not exist.
        StorageUnavailableError: The server does not respond; also while reading.
    """

    def __init__(self, url: str, tenant: str, settings: ServiceSettings) -> None:
        self._allowed = tuple(_allowed_for(settings.import_hosts, tenant))
        self._private, self._tenant = settings.import_private, tenant
        self.name = unquote(urlsplit(url).path).rsplit("/", 1)[-1]
        self._deadline_s = time.monotonic() + TOTAL_S
        self._client = httpx.Client(trust_env=False, follow_redirects=False, timeout=TIMEOUT_S)
        try:
            with _translate_errors():
                self._response = self._follow(url)
        except BaseException:
            self._client.close()
            raise
        self._blocks = self._response.iter_raw(BLOCK_BYTES)

    def read(self, _: int) -> bytes:
        """Read the next block; empty at the end."""
        if time.monotonic() > self._deadline_s:
            raise StorageUnavailableError(UNAVAILABLE)
        with _translate_errors():
            return next(self._blocks, b"")

    def _follow(self, url: str) -> httpx.Response:
        for _ in range(MAX_REDIRECTS + 1):
            response = self._request(url)
            if not response.has_redirect_location:
                return _require_success(response, self.name)
            response.close()
            url = urljoin(url, response.headers["Location"])
        raise SourceRefusedError(f"storage_url: redirects more than {MAX_REDIRECTS} times")

    def _request(self, url: str) -> httpx.Response:
        target = self._resolve(url)
        address = f"[{target.address}]" if ":" in target.address else target.address
        host = target.host if target.port in (80, 443) else f"{target.host}:{target.port}"
        request = self._client.build_request(
            "GET",
            f"{target.scheme}://{address}:{target.port}{target.path}",
            headers={"Host": host, "User-Agent": "unmask", "Accept-Encoding": "identity"},
            extensions={"sni_hostname": target.host},  # verify the certificate of the host
        )
        return self._client.send(request, stream=True)

    def _resolve(self, url: str) -> ResolvedTarget:
        if not WEB_URL.fullmatch(url) or not self._is_allowed(url):
            allowed = ", ".join(self._allowed) or "none"
            raise SourceRefusedError(
                f"storage_url: its host, or one that it redirects to, is not allowed ({allowed})"
            )
        try:
            return resolve_public_target(url, self._private, self._tenant)
        except WebhookUrlError as error:
            raise SourceRefusedError(str(error).replace("webhook_url", "storage_url")) from error

    def _is_allowed(self, url: str) -> bool:
        try:
            parts = urlsplit(url)
            default = {"https": 443, "http": 80}[parts.scheme]
            port = "" if parts.port in (None, default) else f":{parts.port}"
        except ValueError:
            return False
        place = f"{parts.hostname}{port}{parts.path or '/'}"
        is_plain = not {".", ".."} & set(unquote(parts.path).split("/"))  # or a prefix is left
        return is_plain and any(place.startswith(f"{entry}/") for entry in self._allowed)

    def __enter__(self) -> BinaryIO:
        """Return the file as a readable file."""
        return cast("BinaryIO", self)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection."""
        self._response.close()
        self._client.close()


def _allowed_for(entries: Iterable[str], tenant: str) -> Iterator[str]:
    """Yield the hosts and prefixes that a tenant may read, without a slash at the end."""
    for entry in entries:
        owner, at, place = entry.rpartition("@")
        if not at or owner == tenant:
            host, slash, prefix = place.rstrip("/").partition("/")
            yield f"{host.lower()}{slash}{prefix}"


def _require_success(response: httpx.Response, name: str) -> httpx.Response:
    if response.status_code == httpx.codes.OK:
        return response
    response.close()
    if response.status_code in MISSING:
        message = f"storage_url: {name} does not exist or is not readable; check the URL"
        raise SourceRefusedError(message)
    log.warning("storage_url: the web server answered %d", response.status_code)
    raise StorageUnavailableError(UNAVAILABLE)


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        log.warning("storage_url: %s", type(error).__name__)
        raise StorageUnavailableError(UNAVAILABLE) from error
