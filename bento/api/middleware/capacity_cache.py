"""Queue capacity: rejects submissions to a full queue before their upload is read."""

import time
from collections import OrderedDict
from collections.abc import Callable

from anyio.to_thread import run_sync

from bento.api.error_response import RequestRejected
from bento.errors import ServiceError

MAX_IN_FLIGHT = 32  # requests admitted while the first capacity query runs
MAX_AGE_S = 0.25
MAX_TENANTS = 10_000


class CapacityCache:
    """How many more jobs each tenant may submit, cached for 250 ms.

    During a burst, requests that arrive within 250 ms share one capacity query per tenant. The
    job repository checks again when it inserts a job, so the queue never overfills.

    Args:
        clock: Monotonic time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def try_acquire(self, tenant: str) -> bool:
        """Use one unit of capacity; False if the caller must query and :meth:`update` it."""
        capacity, valid_until = self._entries.get(tenant, (0, 0.0))
        if capacity < 1 or self._clock() > valid_until:
            self.update(tenant, MAX_IN_FLIGHT)
            return False
        self._entries[tenant] = (capacity - 1, valid_until)
        return True

    def update(self, tenant: str, capacity: int) -> None:
        """Store the queried capacity, less one unit for the request that queried it."""
        self._entries[tenant] = (capacity - 1, self._clock() + MAX_AGE_S)
        self._entries.move_to_end(tenant)
        if len(self._entries) > MAX_TENANTS:
            self._entries.popitem(last=False)


class CapacityCheck:
    """Rejects submissions while the queue is full.

    Args:
        query: Returns how many jobs a tenant may submit, given the tenant and the
            Idempotency-Key; raises an error of the service if there is no capacity.
    """

    def __init__(self, query: Callable[[str, str | None], int]) -> None:
        self._query = query
        self._cache = CapacityCache()

    async def check(self, tenant: str, idempotency_key: str | None) -> None:
        """Check that the tenant may submit a job.

        Raises:
            RequestRejected: 429, the queue is full. 507, the tenant's storage is.
        """
        if self._cache.try_acquire(tenant):
            return
        capacity = 0
        try:
            capacity = await run_sync(self._query, tenant, idempotency_key)
        except ServiceError as error:
            raise RequestRejected(error.code, str(error)) from error
        finally:
            self._cache.update(tenant, capacity)
