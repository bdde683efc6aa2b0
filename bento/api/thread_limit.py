"""Limits of threads for work that takes long, so that quick requests always find a thread."""

from collections.abc import Callable
from typing import Any, TypeVar

from anyio import CapacityLimiter
from anyio.lowlevel import RunVar
from anyio.to_thread import run_sync

T = TypeVar("T")


class ThreadLimit:
    """At most ``threads`` threads that run functions; further calls wait without a thread."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        # of an event loop: the service has one, tests have several
        self._limiter: RunVar[CapacityLimiter] = RunVar(f"thread limit {id(self)}")

    async def run(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call ``function`` in a thread."""
        try:
            limiter = self._limiter.get()
        except LookupError:
            self._limiter.set(limiter := CapacityLimiter(self._threads))
        return await run_sync(function, *arguments, limiter=limiter)
