"""Admission: authentication, rate limit and queue capacity, checked before the body is read."""

from functools import partial

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bento.api.connections.guard import network_of
from bento.api.error_response import RequestRejected, error_response
from bento.api.middleware.auth import ApiKeyAuth
from bento.api.middleware.capacity_cache import CapacityCheck
from bento.api.middleware.rate_limit import RateLimiter
from bento.api.route_paths import (
    BATCH_PATH,
    LIMITS_PATH,
    METRICS_PATH,
    PROBE_PATHS,
    PUBLIC_PATHS,
    SIGNED_PATHS,
    SUBMISSION_PATHS,
)
from bento.jobs.submission import batch_item_key
from bento.security.scopes import Scope as KeyScope
from bento.security.scopes import required_scope

MAX_QUERY_BYTES = 4096  # parameters are compared with each other, so many take long
QUERY_TOO_LONG = f"the query string exceeds {MAX_QUERY_BYTES} bytes; send fewer parameters"


class AdmissionMiddleware:
    """Runs the checks in order, and tells the routes who sends the request.

    The request's state gets the tenant, and ``is_admitted``: whether the key still holds later.
    """

    def __init__(
        self, app: ASGIApp, auth: ApiKeyAuth, rate_limiter: RateLimiter, capacity: CapacityCheck
    ) -> None:
        self.app = app
        self._auth = auth
        self._rate_limiter = rate_limiter
        self._capacity = capacity

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass an admitted request on; answer a rejected one."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        if len(scope["query_string"]) > MAX_QUERY_BYTES:
            return await error_response("query_too_long", QUERY_TOO_LONG)(scope, receive, send)
        rate_limits: dict[str, str] = {}
        send = _with_headers(send, rate_limits)
        try:
            request, state = Request(scope), scope.setdefault("state", {})
            state["tenant"] = tenant = await self._admit(request, rate_limits)
            state["actor"] = self._auth.name_caller(request.headers)
            state["is_admitted"] = lambda: self._auth.identify(request.headers) == tenant
        except RequestRejected as rejection:
            return await rejection.to_response()(scope, receive, send)
        return await self.app(scope, receive, send)

    async def _admit(self, request: Request, rate_limits: dict[str, str]) -> str | None:
        """Return the request's tenant; None for public paths and signed URLs without a key.

        Fills ``rate_limits`` with the headers that describe the limits.
        """
        path = request.url.path
        count_request = partial(self._rate_limiter.count_request, headers=rate_limits)
        if PROBE_PATHS.fullmatch(path):
            return None
        if PUBLIC_PATHS.fullmatch(path):
            await count_request(f"public {_client_network(request)}")
            return None
        tenant = self._auth.identify(request.headers)
        if SIGNED_PATHS.fullmatch(path) and "signature" in request.query_params:
            await count_request(f"link {_client_network(request)}")
            return tenant if self._auth.has_scope(request.headers, KeyScope.READ) else None
        if tenant is None:
            await count_request(f"stranger {_client_network(request)}")
            raise self._auth.unauthorized(request.headers)
        await count_request(tenant)
        if path != LIMITS_PATH:  # which says what may be submitted, and nothing of a job
            scope = KeyScope.ADMIN if path == METRICS_PATH else required_scope(request.method)
            self._auth.require_scope(request.headers, scope)
        if request.method == "POST" and path in SUBMISSION_PATHS:
            await self._rate_limiter.count_submission(tenant, rate_limits)
            key = request.headers.get("idempotency-key")
            if key and path == BATCH_PATH:
                key = batch_item_key(key, 0)
            await self._capacity.check(tenant, key)
        return tenant


def _client_network(request: Request) -> str:
    return network_of(request.client.host) if request.client else ""


def _with_headers(send: Send, headers: dict[str, str]) -> Send:
    """Wrap ``send`` to add ``headers``, which are filled before the response starts."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(headers)
        await send(message)

    return send_with_headers
