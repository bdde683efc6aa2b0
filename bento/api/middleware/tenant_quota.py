"""Quota of stored bytes per tenant, checked before the body is read."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from bento.api.error_response import error_response
from bento.api.route_paths import SUBMISSION_PATHS
from bento.errors import StorageFullError


class TenantQuotaMiddleware:
    """Refuses uploads for which a tenant has no room, counting those that are still arriving.

    The job repository checks again when it inserts a job, so several machines cannot overfill a
    quota either.

    Args:
        require_quota: Given tenant and bytes; raises :class:`StorageFullError` if the tenant may
            not store so many more.
        unknown_bytes: Counted for a body without a Content-Length.
    """

    def __init__(
        self, app: ASGIApp, require_quota: Callable[[str, int], None], unknown_bytes: int
    ) -> None:
        self.app = app
        self._require_quota = require_quota
        self._unknown_bytes = unknown_bytes
        self._arriving: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on if the tenant has room for its body."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        request = Request(scope)
        tenant = scope["state"]["tenant"]
        if tenant is None or request.method != "POST" or request.url.path not in SUBMISSION_PATHS:
            return await self.app(scope, receive, send)
        length = request.headers.get("content-length", "")
        size_bytes = int(length) if length.isdigit() else self._unknown_bytes
        with self._counted(tenant, size_bytes):
            try:
                await run_sync(self._require_quota, tenant, self._arriving[tenant])
            except StorageFullError as error:
                return await error_response(error.code, str(error))(scope, receive, send)
            return await self.app(scope, receive, send)

    @contextmanager
    def _counted(self, tenant: str, size_bytes: int) -> Iterator[None]:
        self._arriving[tenant] += size_bytes
        try:
            yield
        finally:
            self._arriving -= Counter({tenant: size_bytes})  # drops tenants at zero
