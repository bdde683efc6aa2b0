"""Rate limits: token buckets for requests and submissions."""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from bento.api.error_response import RequestRejected

MAX_BUCKETS = 10_000
RATE_LIMITED = "rate limit exceeded; retry after the seconds that `Retry-After` states"


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

    def take(self, client: str) -> float:
        """Take a token; return 0 on success, else the seconds until the next token."""
        with self._lock:
            now = self._clock()
            tokens, updated_at = self._buckets.pop(client, (float(self._capacity), now))
            tokens = min(tokens + (now - updated_at) * self._capacity / 60, self._capacity)
            granted = tokens >= 1
            self._buckets[client] = (tokens - granted, now)
            if len(self._buckets) > MAX_BUCKETS:
                self._buckets.popitem(last=False)
            return 0.0 if granted else (1 - tokens) * 60 / self._capacity


class RateLimiter:
    """Limits for all requests and, in addition, for submissions."""

    def __init__(self, requests_per_minute: int, submissions_per_minute: int) -> None:
        self._requests = TokenBucketLimiter(requests_per_minute)
        self._submissions = TokenBucketLimiter(submissions_per_minute)

    def count_request(self, client: str) -> None:
        """Count a request.

        Raises:
            RequestRejected: 429, the limit is exceeded.
        """
        _take(self._requests, client)

    def count_submission(self, client: str) -> None:
        """Count a submission.

        Raises:
            RequestRejected: 429, the limit is exceeded.
        """
        _take(self._submissions, client)


def _take(limiter: TokenBucketLimiter, client: str) -> None:
    if wait_s := limiter.take(client):
        raise RequestRejected(429, RATE_LIMITED, {"Retry-After": str(math.ceil(wait_s))})
