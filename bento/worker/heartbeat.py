"""Keeps a lease alive while its job is worked on."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from bento.jobs.leases import Lease, LeaseManager

HEARTBEATS_PER_LEASE = 5
MAX_INTERVAL_S = 0.5  # progress is reported at least this often

log = logging.getLogger(__name__)


class Heartbeat:
    """Renews one lease.

    Args:
        stopping: Set when the worker stops.
    """

    def __init__(self, leases: LeaseManager, lease: Lease, stopping: threading.Event) -> None:
        self._leases = leases
        self._lease = lease
        self._stopping = stopping
        self._renew_interval_s = leases.lease_s / HEARTBEATS_PER_LEASE
        self._progress_interval_s = min(self._renew_interval_s, MAX_INTERVAL_S)
        self._last_s = -self._progress_interval_s

    def on_progress(self, stage: str, percent: float) -> bool:
        """Record progress and renew the lease; return False if the work must end."""
        if self._stopping.is_set():
            return False
        if time.monotonic() - self._last_s < self._progress_interval_s:
            return True
        self._last_s = time.monotonic()
        try:
            return self._leases.heartbeat(self._lease, stage, percent)
        except SQLAlchemyError:  # if the database stays unavailable, the lease expires
            log.warning("heartbeat failed: the database is unavailable")
            return True

    @contextmanager
    def keep_alive(self) -> Iterator[None]:
        """Renew the lease in a thread during the block, which does not report progress."""
        done = threading.Event()

        def renew() -> None:
            while not done.wait(self._renew_interval_s):
                try:
                    self._leases.renew(self._lease)
                except SQLAlchemyError:
                    log.warning("heartbeat failed: the database is unavailable")

        thread = threading.Thread(target=renew, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
