"""What every request to our routes passes before its body is read: size, key, rate, room."""

import math
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from anyio.to_thread import run_sync
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bento.api.middleware.capacity_cache import CapacityCache
from bento.api.middleware.security import RequestRejected, error_response
from bento.jobs.repository import QueueFullError
from bento.security.api_keys import ApiKeyStore
from bento.settings import MIB

OPEN = re.compile(r"/(app(/.*)?|docs|openapi\.json|livez|readyz)")
SIGNED = re.compile(r"/jobs/[0-9a-f]{32}/(video|evidence/[A-Za-z0-9_-]{1,80}\.png)")
BATCH = "/batch"
SUBMITS = ("/analyze-video", BATCH, "/predict")
RETRY_S = 5
MOST_BUCKETS = 10_000
CapacityCheck = Callable[[str, str | None], int]


class TokenBucketLimiter:
    """So many requests a minute for each who asks, with a minute's worth at once."""

    def __init__(self, per_minute: int) -> None:
        self._size = per_minute
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, name: str) -> float:
        """Count one request; 0 where it may go on, else the seconds to wait."""
        with self._lock:
            moment = time.monotonic()
            left, before = self._left.pop(name, (float(self._size), moment))
            left = min(left + (moment - before) * self._size / 60, self._size)
            granted = left >= 1
            self._left[name] = (left - granted, moment)
            if len(self._left) > MOST_BUCKETS:
                self._left.popitem(last=False)
            return 0.0 if granted else (1 - left) * 60 / self._size


class BodySizeLimitMiddleware:
    """Refuse a body above so many MiB while it arrives, before it fills the disk."""

    def __init__(self, app: ASGIApp, max_mib: int, max_batch_mib: int) -> None:
        self.app = app
        self._max_mib, self._max_batch_mib = max_mib, max_batch_mib

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, counting its bytes."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        max_mib = self._max_batch_mib if scope["path"] == BATCH else self._max_mib
        words = f"the upload is larger than {max_mib} MiB; send shorter, smaller or fewer videos"
        stated = dict(scope["headers"]).get(b"content-length", b"0")
        if stated.isdigit() and int(stated) > max_mib * MIB:
            return await error_response(413, words)(scope, receive, send)
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > max_mib * MIB:
                raise HTTPException(413, words)
            return message

        return await self.app(scope, counted, send)


class AdmissionMiddleware:
    """Who asks, how often, and whether there is room; puts the tenant into the request's state.

    Args:
        room: Given a tenant and an Idempotency-Key, how many jobs the tenant may submit; raises
            :class:`QueueFullError` where that is none.
    """

    def __init__(
        self, app: ASGIApp, keyring: ApiKeyStore, room: CapacityCheck, submits: int, requests: int
    ) -> None:
        self.app = app
        self._keyring = keyring
        self._room, self._vacancy = room, CapacityCache()
        self._submits, self._requests = TokenBucketLimiter(submits), TokenBucketLimiter(requests)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on that may go on, and say of others why not."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        try:
            scope.setdefault("state", {})["tenant"] = await self._admit(Request(scope))
        except RequestRejected as refusal:
            answer = error_response(
                refusal.status_code, refusal.detail, dict(refusal.headers or {})
            )
            return await answer(scope, receive, send)
        return await self.app(scope, receive, send)

    async def _admit(self, request: Request) -> str | None:
        path = request.url.path
        if OPEN.fullmatch(path):
            return None
        if SIGNED.fullmatch(path) and "signature" in request.query_params:
            self._count(self._requests, f"link {_client(request)}")
            return self._keyring.tenant(_key(request.headers))
        tenant = self._keyring.tenant(_key(request.headers))
        if tenant is None:
            self._count(self._requests, f"stranger {_client(request)}")
            words = "an API key is needed; send it as `Authorization: Bearer <key>`"
            raise RequestRejected(401, words, {"WWW-Authenticate": "Bearer"})
        self._count(self._requests, tenant)
        if request.method == "POST" and path in SUBMITS:
            self._count(self._submits, tenant)
            await self._check_room(tenant, request.headers.get("idempotency-key"))
        return tenant

    def _count(self, buckets: TokenBucketLimiter, name: str) -> None:
        if wait_s := buckets.take(name):
            words = "too many requests; slow down"
            raise RequestRejected(429, words, {"Retry-After": str(math.ceil(wait_s))})

    async def _check_room(self, tenant: str, idempotency_key: str | None) -> None:
        if self._vacancy.try_acquire(tenant):
            return
        left = 0
        try:
            left = await run_sync(self._room, tenant, idempotency_key)
        except QueueFullError as error:
            raise RequestRejected(429, str(error), {"Retry-After": str(RETRY_S)}) from error
        finally:
            self._vacancy.update(tenant, left)


def _key(headers: Headers) -> str | None:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return key.strip()
    return headers.get("x-api-key")


def _client(request: Request) -> str:
    return request.client.host if request.client else ""
