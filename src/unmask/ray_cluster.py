"""Connection to a Ray cluster, or to one on this machine that ends with the process."""

import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from unmask.errors import ConfigError
from unmask.optional_deps import require

CONNECT_S = 10.0
ADDRESS_VARIABLE = "RAY_ADDRESS"
LOCAL = "local"
# results are small or read at once; 75 MiB is Ray's least
OBJECT_STORE_BYTES = 128 * 2**20


def resolve_address(address: str | None) -> str:
    """Return the address, or that in ``RAY_ADDRESS``, or ``LOCAL``."""
    return address or os.environ.get(ADDRESS_VARIABLE) or LOCAL


def count_cores() -> int:
    """Return how many cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


def connect(address: str | None, local_cpus: int) -> Any:
    """Connect to a cluster, and return the package ``ray``; its ``shutdown`` leaves the cluster.

    Args:
        address: See :func:`resolve_address`.
        local_cpus: CPUs of a cluster that is started on this machine.

    Raises:
        MissingExtraError: Ray is not installed.
        ConfigError: No cluster answers at the address.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray = require("ray", extra="cluster")
    address = resolve_address(address)
    settings: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address == LOCAL:
        settings |= {"num_cpus": local_cpus, "object_store_memory": OBJECT_STORE_BYTES}
        settings |= {"include_dashboard": False, "_system_config": {"worker_niceness": 0}}
    try:
        _check_port(address)
        with _keep_signal_handlers():
            ray.init(address=address, **settings)
    except (OSError, RuntimeError, ValueError) as error:
        detail = " ".join(str(error).split())
        message = f"--address {address}: no Ray cluster can be used there ({detail}); start one"
        raise ConfigError(f"{message} with `ray start --head`, or leave the option out") from error
    return ray


def _check_port(address: str) -> None:
    """Raise ``OSError`` where nobody listens; Ray would try for minutes."""
    host, colon, port = address.rpartition("/")[2].rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()


@contextmanager
def _keep_signal_handlers() -> Iterator[None]:
    """Undo that Ray lets SIGTERM end the process at once."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, before)
