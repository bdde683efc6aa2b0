"""Look-ups of host names: a few threads of their own, and a deadline.

A name server may take half a minute to give no answer. The threads that serve requests never wait
for one, and a tenant whose names are slow does not occupy all threads here.
"""

import socket
import threading
from collections import Counter
from concurrent.futures import Future
from functools import cache
from typing import NamedTuple, Self

TIMEOUT_S = 2.0
THREADS = 8
THREADS_PER_TENANT = 2


class Lookup(NamedTuple):
    """A look-up that waits; the future resolves to the addresses of ``host``."""

    tenant: str
    host: str
    port: int
    addresses: "Future[list[str]]"


class LookupPool:
    """Threads that look names up, at most ``per_tenant`` of them for one tenant at a time."""

    def __init__(self, threads: int = THREADS, per_tenant: int = THREADS_PER_TENANT) -> None:
        self._per_tenant = per_tenant
        self._waiting: list[Lookup] = []
        self._running: Counter[str] = Counter()
        self._changed = threading.Condition()
        for _ in range(threads):  # daemons, so that a slow name server does not delay an exit
            threading.Thread(target=self._run, name="name-lookup", daemon=True).start()

    @classmethod
    @cache
    def shared(cls) -> Self:
        """Return the pool of this process."""
        return cls()

    def submit(self, tenant: str, host: str, port: int) -> "Future[list[str]]":
        """Look a name up; the future raises OSError or UnicodeError if it has no address.

        A caller that no longer waits cancels the future.
        """
        lookup = Lookup(tenant, host, port, Future())
        with self._changed:
            self._waiting.append(lookup)
            self._changed.notify()
        return lookup.addresses

    def _run(self) -> None:
        while True:
            lookup = self._take()
            try:
                if lookup.addresses.set_running_or_notify_cancel():
                    entries = socket.getaddrinfo(lookup.host, lookup.port, type=socket.SOCK_STREAM)
                    lookup.addresses.set_result([str(address[0]) for *_, address in entries])
            except (OSError, UnicodeError) as error:
                lookup.addresses.set_exception(error)
            finally:
                with self._changed:
                    self._running -= Counter([lookup.tenant])  # drops tenants at zero
                    self._changed.notify_all()

    def _take(self) -> Lookup:
        with self._changed:
            while (lookup := self._next()) is None:
                self._changed.wait()
            self._waiting.remove(lookup)
            self._running[lookup.tenant] += 1
            return lookup

    def _next(self) -> Lookup | None:
        self._waiting = [lookup for lookup in self._waiting if not lookup.addresses.cancelled()]
        free = (item for item in self._waiting if self._running[item.tenant] < self._per_tenant)
        return next(free, None)
