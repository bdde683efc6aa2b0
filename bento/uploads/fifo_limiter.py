"""Uploads in the order in which they came, and not all at the same time.

Twenty that share the processor evenly all end together, when the last one does. One after another
they take no longer in all, and half as long on average. Turns are taken block by block, so that a
sender with a slow network, who has nothing to hand over, holds up nobody.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from heapq import heappop, heappush
from itertools import count


class FifoLimiter:
    """Lets some go on at once; of those who wait, the one with the lowest number is next."""

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._numbers = count()

    def next_ticket(self) -> int:
        """A number for one who comes now; nobody else gets it."""
        return next(self._numbers)

    @asynccontextmanager
    async def slot(self, number: int) -> AsyncIterator[None]:
        """Wait for a turn, and hold it for the length of the block."""
        if self._free:
            self._free -= 1
        else:
            await self._called(number)
        try:
            yield
        finally:
            self._pass_on()

    async def _called(self, number: int) -> None:
        turn = asyncio.get_running_loop().create_future()
        heappush(self._waiting, (number, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it came in the moment in which nobody wanted it any more
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        while self._waiting:
            _, turn = heappop(self._waiting)
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
