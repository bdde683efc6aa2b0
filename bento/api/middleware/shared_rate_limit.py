"""Rate limits that the machines of a fleet share, in Redis.

While Redis does not answer, each machine counts for itself: a tenant may then send as much to each
machine as it may to all of them. Refusing everybody would turn a fault of a counter into an outage,
and letting everything pass would take the protection from each machine.
"""

import logging
import time
from collections.abc import Callable

from limits import RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from bento.api.middleware.rate_limit import WINDOW_S, Allowance
from bento.api.thread_limit import ThreadLimit

TIMEOUT_S = 0.5
RETRY_S = 5.0  # without Redis, until it is asked again, so that requests do not wait for it
PREFIX = "unmask-limits"
MIN_WAIT_S = 1.0

log = logging.getLogger(__name__)
_threads = ThreadLimit(8, per_tenant=4)  # the connections are not of an event loop


class RedisLimiter:
    """Counts requests in sliding windows of one minute; see the module for what a fault means.

    Args:
        url: ``redis://…`` or ``rediss://…``.
        clock: Monotonic time in seconds.
    """

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        storage = RedisStorage(
            url,
            wrap_exceptions=True,
            key_prefix=PREFIX,
            socket_connect_timeout=TIMEOUT_S,
            socket_timeout=TIMEOUT_S,
        )
        self._limiter = SlidingWindowCounterRateLimiter(storage)
        self._clock = clock
        self._ask_again_at = 0.0

    async def take(self, policy: str, per_minute: int, client: str) -> Allowance | None:
        """Count a request under ``policy``; None if Redis does not answer."""
        if self._clock() < self._ask_again_at:
            return None
        try:
            return await _threads.run(client, self._count, policy, per_minute, client)
        except StorageError as error:
            log.warning(
                "rate limits: Redis does not answer (%s); this machine counts for itself",
                type(error.storage_error).__name__,
            )
            self._ask_again_at = self._clock() + RETRY_S
            return None

    def _count(self, policy: str, per_minute: int, client: str) -> Allowance:
        item = RateLimitItemPerMinute(per_minute)
        granted = self._limiter.hit(item, policy, client)
        reset_at, remaining = self._limiter.get_window_stats(item, policy, client)
        reset_s = min(max(reset_at - time.time(), 0.0), 2.0 * WINDOW_S)
        wait_s = 0.0 if granted else max(reset_s, MIN_WAIT_S)
        return Allowance(remaining if granted else 0, reset_s, wait_s)
