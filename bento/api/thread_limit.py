"""Limits of threads for work that takes long, so that quick requests always find a thread."""

from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

from anyio import CapacityLimiter
from anyio.lowlevel import RunVar
from anyio.to_thread import run_sync

T = TypeVar("T")


class ThreadLimit:
    """At most ``threads`` threads that run functions; further calls wait without a thread.

    Tenants take turns: a tenant's calls beyond ``per_tenant`` wait for that tenant's others before
    they wait for a thread.
    """

    def __init__(self, threads: int, per_tenant: int) -> None:
        self._threads = threads
        self._per_tenant = per_tenant
        # of an event loop: the service has one, tests have several
        self._limiters: RunVar[_Limiters] = RunVar(f"thread limit {id(self)}")

    async def run(self, tenant: str, function: Callable[..., T], *arguments: Any) -> T:
        """Call ``function`` in a thread, for ``tenant``."""
        limiters = self._of_loop()
        limiters.calls[tenant] += 1
        try:
            async with limiters.of_tenant.setdefault(tenant, CapacityLimiter(self._per_tenant)):
                return await run_sync(function, *arguments, limiter=limiters.shared)
        finally:
            limiters.calls -= Counter([tenant])  # drops tenants at zero
            if tenant not in limiters.calls:
                del limiters.of_tenant[tenant]

    def waiting(self, tenant: str) -> int:
        """Return how many calls of a tenant wait for another one of the same tenant."""
        return max(self._of_loop().calls[tenant] - self._per_tenant, 0)

    def _of_loop(self) -> "_Limiters":
        try:
            return self._limiters.get()
        except LookupError:
            self._limiters.set(limiters := _Limiters(self._threads))
            return limiters


class _Limiters:
    """The limiters of one event loop, and the calls of each tenant that run or wait."""

    def __init__(self, threads: int) -> None:
        self.shared = CapacityLimiter(threads)
        self.of_tenant: dict[str, CapacityLimiter] = {}
        self.calls: Counter[str] = Counter()
