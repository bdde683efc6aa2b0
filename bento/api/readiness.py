"""Whether this machine can take jobs: database, disk, embedded worker."""

import logging
import threading
import time
from collections.abc import Callable

from sqlalchemy import Engine, select

from bento.db.models import Job
from bento.storage.disk_space import DiskFloor

MAX_AGE_S = 1.0  # the probe needs no key, so its cost is bounded

log = logging.getLogger(__name__)


class ReadinessCheck:
    """Checks what a job needs, at most once a second.

    Args:
        worker_alive: Whether the embedded worker runs.
        clock: Monotonic time in seconds.
    """

    def __init__(
        self,
        engine: Engine,
        disk_floor: DiskFloor,
        worker_alive: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._checks = {
            "database": lambda: _reads(engine),
            "disk": disk_floor.has_room,
            "worker": worker_alive,
        }
        self._clock = clock
        self._lock = threading.Lock()
        self._results: dict[str, bool] = {}
        self._valid_until = 0.0

    def run(self) -> dict[str, bool]:
        """Return for each part whether it works."""
        with self._lock:
            if self._clock() >= self._valid_until:
                self._results = {name: _holds(name, check) for name, check in self._checks.items()}
                self._valid_until = self._clock() + MAX_AGE_S
            return self._results


def _holds(name: str, check: Callable[[], bool]) -> bool:
    try:
        return check()
    except Exception as error:  # whatever it is, the machine is not ready
        log.warning("%s is not ready: %s", name, type(error).__name__)
        return False


def _reads(engine: Engine) -> bool:
    with engine.connect() as connection:
        connection.execute(select(Job.id).limit(1)).all()
    return True
