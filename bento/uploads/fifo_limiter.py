"""A concurrency limiter that serves uploads first come, first served.

With fair sharing, 20 uploads all finish when the slowest does; served first come, first served,
the total time is unchanged and the mean halves. Slots are held for one block at a time, so a
client with a slow network, which has no block to process, does not delay the others.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from heapq import heappop, heappush
from itertools import count


class FifoLimiter:
    """Admits ``capacity`` holders at a time; the lowest ticket that waits is next."""

    def __init__(self, capacity: int) -> None:
        self._free = capacity
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []
        self._tickets = count()

    def next_ticket(self) -> int:
        """Return a new ticket, higher than all before."""
        return next(self._tickets)

    @asynccontextmanager
    async def slot(self, ticket: int) -> AsyncIterator[None]:
        """Wait for a slot and hold it for the length of the block."""
        if self._free:
            self._free -= 1
        else:
            await self._wait(ticket)
        try:
            yield
        finally:
            self._release()

    async def _wait(self, ticket: int) -> None:
        waiter = asyncio.get_running_loop().create_future()
        heappush(self._waiters, (ticket, waiter))
        try:
            await waiter
        except asyncio.CancelledError:
            if not waiter.cancelled():  # the slot was granted just before the cancellation
                self._release()
            raise

    def _release(self) -> None:
        while self._waiters:
            _, waiter = heappop(self._waiters)
            if not waiter.done():
                waiter.set_result(None)
                return
        self._free += 1
