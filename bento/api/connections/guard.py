"""The open connections of a process: how many there may be, and which ones have stalled.

Deadlines are checked by one timer for all connections, so a request costs no timer of its own.
"""

import asyncio
import ipaddress
import resource
from collections import Counter
from dataclasses import dataclass
from typing import Protocol

MAX_OPEN_FILES = 65_536
RESERVED_FILES = 256  # database, log, worker, files of the page
FILES_PER_CONNECTION = 2  # the socket, and the upload that arrives through it
SCAN_INTERVAL_S = 1.0
IPV6_NETWORK_BITS = 64  # one customer of a provider has that many addresses


class GuardedConnection(Protocol):
    """A connection that a :class:`ConnectionGuard` watches."""

    def close_if_stalled(self, now: float, deadlines: "Deadlines") -> None:
        """Close the connection if its client lets the service wait."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long a client may let the service wait.

    Attributes:
        head_s: From the start of a request, or of a connection, to the end of its headers.
        body_s: A body that brings fewer than ``body_bytes`` in this time is given up.
        read_s: A client that takes nothing of a response for this time is given up.
    """

    head_s: float = 10.0
    body_s: float = 30.0
    body_bytes: int = 4096
    read_s: float = 60.0


class ConnectionGuard:
    """Limits the number of connections, and closes those that stall.

    Args:
        max_total: Connections of this process.
        max_per_address: Connections from one IPv4 address or one IPv6 network of 64 bits.
    """

    def __init__(
        self,
        max_total: int,
        max_per_address: int,
        deadlines: Deadlines = Deadlines(),
        scan_interval_s: float = SCAN_INTERVAL_S,
    ) -> None:
        self._max_total = max_total
        self._max_per_address = max_per_address
        self._deadlines = deadlines
        self._scan_interval_s = scan_interval_s
        self._connections: dict[GuardedConnection, str] = {}
        self._per_address: Counter[str] = Counter()
        self._timer: asyncio.TimerHandle | None = None

    def refusal(self, address: str) -> str | None:
        """Return why no further connection from ``address`` is accepted; None if it is."""
        if len(self._connections) >= self._max_total:
            return "too many connections are open; retry later"
        if self._per_address[network_of(address)] >= self._max_per_address:
            return "too many connections from this address; close some, or retry later"
        return None

    def add(self, connection: GuardedConnection, address: str) -> None:
        """Watch a connection until :meth:`remove`."""
        self._connections[connection] = network = network_of(address)
        self._per_address[network] += 1
        if self._timer is None:
            self._schedule()

    def remove(self, connection: GuardedConnection) -> None:
        """Forget a connection that was closed; one that was not added is ignored."""
        network = self._connections.pop(connection, None)
        if network is not None:
            self._per_address -= Counter([network])  # drops networks at zero

    def _schedule(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._scan_interval_s, self._scan, loop)

    def _scan(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now = loop.time()
        for connection in list(self._connections):
            connection.close_if_stalled(now, self._deadlines)
        if self._connections:
            self._schedule()


def network_of(address: str) -> str:
    """Return what counts as one client: an IPv4 address, or an IPv6 network of 64 bits.

    Example:
        >>> network_of("192.0.2.1"), network_of("2001:db8::1"), network_of("::ffff:192.0.2.1")
        ('192.0.2.1', '2001:db8::/64', '192.0.2.1')
    """
    try:
        ip = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(ip), IPV6_NETWORK_BITS), strict=False))


def raise_file_limit() -> int:
    """Raise the limit of open files as far as this process may; return the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= MAX_OPEN_FILES:
        return MAX_OPEN_FILES
    wanted = MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_OPEN_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def max_connections(file_limit: int) -> int:
    """Return how many connections fit into ``file_limit`` open files."""
    return max((file_limit - RESERVED_FILES) // FILES_PER_CONNECTION, 1)
