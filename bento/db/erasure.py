"""Erasure: what was deleted does not stay in the database's files.

SQLite overwrites deleted rows (``secure_delete``), but earlier pages stay in its write-ahead log
until the log is truncated, and parts of rows that it has moved between pages stay until a VACUUM.
PostgreSQL reuses the space of deleted rows after its own vacuum.
"""

import logging
import time

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

LOG_WAIT_MS = 100
VACUUM_SHARE = 0.001  # of the time, as it blocks writers
MIN_VACUUM_INTERVAL_S = 10.0

log = logging.getLogger(__name__)


class Eraser:
    """Removes what was deleted from the files of an SQLite database.

    Attributes:
        pending: Whether something may be left; True at first, as an earlier process may have left
            something.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._is_sqlite = engine.url.get_backend_name() == "sqlite"
        self._next_vacuum_s = 0.0
        self.pending = self._is_sqlite

    def after_deletion(self) -> None:
        """Truncate the write-ahead log, unless a reader needs it; the rest follows later."""
        if self._is_sqlite:
            self.pending = True
            self._truncate_log()

    def run_pending(self) -> None:
        """Rewrite the database's files without what was deleted, if anything was."""
        if not self.pending or time.monotonic() < self._next_vacuum_s:
            return
        start_s = time.monotonic()
        self.pending = False
        with self._engine.connect() as connection:
            autocommit = connection.execution_options(isolation_level="AUTOCOMMIT")
            try:
                autocommit.execute(text("VACUUM"))
            except OperationalError as error:  # locked, or no room for a copy
                log.warning("deleted data stays in the database for now: %s", error.orig)
                self.pending = True
        duration_s = time.monotonic() - start_s
        pause_s = max(duration_s / VACUUM_SHARE, MIN_VACUUM_INTERVAL_S)
        self._next_vacuum_s = time.monotonic() + pause_s
        if not self._truncate_log():
            self.pending = True

    def _truncate_log(self) -> bool:
        """Empty the write-ahead log; return False if another connection reads from it."""
        with self._engine.connect() as connection:
            usual_ms = connection.scalar(text("PRAGMA busy_timeout"))
            _set_busy_timeout(connection, LOG_WAIT_MS)
            try:
                busy, _, _ = connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)")).one()
            except OperationalError as error:
                log.warning("the write-ahead log stays for now: %s", error.orig)
                return False
            finally:
                _set_busy_timeout(connection, usual_ms)
        return not busy


def _set_busy_timeout(connection: Connection, milliseconds: int) -> None:
    connection.execute(text(f"PRAGMA busy_timeout={int(milliseconds)}"))
