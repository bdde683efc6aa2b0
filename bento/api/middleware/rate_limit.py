"""Rate limits: token buckets of this process, or windows that machines share through Redis."""

import logging
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple, Protocol

from bento.api.error_response import RequestRejected

MAX_BUCKETS = 10_000
WINDOW_S = 60
RATE_LIMITED = "rate limit exceeded; retry after the seconds that `Retry-After` states"

log = logging.getLogger(__name__)


class Allowance(NamedTuple):
    """What a client may still send.

    Attributes:
        remaining: Whole requests.
        reset_s: Seconds until the whole limit is available again.
        wait_s: Seconds until the next request is granted; 0 if this one was.
    """

    remaining: int
    reset_s: float
    wait_s: float = 0.0


class SharedLimiter(Protocol):
    """A limit that all machines share."""

    async def take(self, policy: str, per_minute: int, client: str) -> Allowance | None:
        """Count a request under ``policy``; None if the shared store does not answer."""


class TokenBucketLimiter:
    """A token bucket for each client; its capacity is one minute's worth of tokens.

    Args:
        clock: Monotonic time in seconds.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._capacity = per_minute
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, client: str) -> Allowance:
        """Take a token, unless none is left."""
        with self._lock:
            now = self._clock()
            tokens, updated_at = self._buckets.pop(client, (float(self._capacity), now))
            tokens = min(tokens + (now - updated_at) * self._capacity / WINDOW_S, self._capacity)
            granted = tokens >= 1
            tokens -= granted
            self._buckets[client] = (tokens, now)
            if len(self._buckets) > MAX_BUCKETS:
                self._buckets.popitem(last=False)
        token_s = WINDOW_S / self._capacity
        wait_s = 0.0 if granted else (1 - tokens) * token_s
        return Allowance(int(tokens), (self._capacity - tokens) * token_s, wait_s)


class RateLimit:
    """One limit of requests per minute and client.

    Args:
        policy: Its name in the RateLimit headers.
        shared: Counts for all machines; while it does not answer, each counts for itself.
    """

    def __init__(self, policy: str, per_minute: int, shared: SharedLimiter | None) -> None:
        self.policy = policy
        self.per_minute = per_minute
        self._shared = shared
        self._own = TokenBucketLimiter(per_minute)

    async def take(self, client: str) -> Allowance:
        """Count a request of ``client``."""
        if self._shared is not None:
            allowance = await self._shared.take(self.policy, self.per_minute, client)
            if allowance is not None:
                return allowance
        return self._own.take(client)


class RateLimiter:
    """Limits for all requests and, in addition, for submissions."""

    def __init__(
        self,
        requests_per_minute: int,
        submissions_per_minute: int,
        shared: SharedLimiter | None = None,
    ) -> None:
        self._requests = RateLimit("requests", requests_per_minute, shared)
        self._submissions = RateLimit("submissions", submissions_per_minute, shared)

    async def count_request(self, client: str, headers: dict[str, str]) -> None:
        """Count a request, and describe the limit in ``headers``.

        Raises:
            RequestRejected: 429, the limit is exceeded.
        """
        await _take(self._requests, client, headers)

    async def count_submission(self, client: str, headers: dict[str, str]) -> None:
        """Count a submission, and describe the limit in ``headers``.

        Raises:
            RequestRejected: 429, the limit is exceeded.
        """
        await _take(self._submissions, client, headers)


async def _take(limit: RateLimit, client: str, headers: dict[str, str]) -> None:
    """Take one from ``limit``; the headers are those of draft-ietf-httpapi-ratelimit-headers."""
    allowance = await limit.take(client)
    fields = {
        "RateLimit-Policy": f'"{limit.policy}";q={limit.per_minute};w={WINDOW_S}',
        "RateLimit": f'"{limit.policy}";r={allowance.remaining};t={math.ceil(allowance.reset_s)}',
    }
    for name, value in fields.items():
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    if allowance.wait_s:
        retry_after = str(math.ceil(allowance.wait_s))
        raise RequestRejected("rate_limited", RATE_LIMITED, {"Retry-After": retry_after})
