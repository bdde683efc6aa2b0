"""A concurrency limiter that serves tenants by turns, and a tenant's uploads in their order.

With fair sharing, 20 uploads all finish when the slowest does; served first come, first served,
the total time is unchanged and the mean halves. Slots are held for one block at a time, so a
client with a slow network, which has no block to process, does not delay the others. Nor does a
tenant with many uploads, or a very long one, delay another tenant by more than a block.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from heapq import heappop, heappush
from itertools import count
from typing import NamedTuple


class Ticket(NamedTuple):
    """Place of an upload among those of its tenant."""

    number: int
    tenant: str


class FifoLimiter:
    """Admits ``capacity`` holders at a time.

    Next is the tenant whose last turn is longest ago, with the lowest of its tickets that wait.
    """

    def __init__(self, capacity: int) -> None:
        self._free = capacity
        self._waiters: dict[str, list[tuple[int, asyncio.Future[None]]]] = {}
        self._tickets = count()
        self._turns = count(1)
        self._last_turns: dict[str, int] = {}

    def next_ticket(self, tenant: str) -> Ticket:
        """Return a new ticket, higher than all before."""
        return Ticket(next(self._tickets), tenant)

    @asynccontextmanager
    async def slot(self, ticket: Ticket) -> AsyncIterator[None]:
        """Wait for a slot and hold it for the length of the block."""
        if self._free:
            self._free -= 1
            self._last_turns[ticket.tenant] = next(self._turns)
        else:
            await self._wait(ticket)
        try:
            yield
        finally:
            self._release()

    async def _wait(self, ticket: Ticket) -> None:
        waiter = asyncio.get_running_loop().create_future()
        heappush(self._waiters.setdefault(ticket.tenant, []), (ticket.number, waiter))
        try:
            await waiter
        except asyncio.CancelledError:
            if not waiter.cancelled():  # the slot was granted just before the cancellation
                self._release()
            raise

    def _release(self) -> None:
        while self._waiters:
            tenant = min(self._waiters, key=lambda name: self._last_turns.get(name, 0))
            _, waiter = heappop(self._waiters[tenant])
            if not self._waiters[tenant]:
                del self._waiters[tenant]
            if not waiter.done():
                self._last_turns[tenant] = next(self._turns)
                waiter.set_result(None)
                return
        self._free += 1
