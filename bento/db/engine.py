"""Connections to the database, brought to the newest schema before they are used."""

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url

from bento.paths import MIGRATIONS_DIR
from bento.settings import ServiceSettings

BUSY_S = 30
WARM = 20
THREADS = 40  # that may ask at the same time: as many as answer requests
MIGRATION_LOCK = 0x756E6D61736B  # "unmask": a number that every node asks PostgreSQL for


def create_migrated_engine(settings: ServiceSettings) -> Engine:
    """An engine whose tables exist; SQLite is put into write-ahead mode.

    Several processes may start at once: one migrates, the others wait for it.
    """
    url = make_url(settings.database_url)
    if url.get_backend_name() == "sqlite":
        Path(url.database or "").parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(url, connect_args={"timeout": BUSY_S}, pool_size=THREADS)
        event.listen(engine, "connect", _prepare_sqlite)
    else:
        engine = create_engine(url, pool_pre_ping=True, pool_size=10, max_overflow=THREADS)
    with _migration_lock(engine) as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS_DIR))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    with ExitStack() as opened:  # or the first of many senders at once would wait for these
        for _ in range(WARM):
            opened.enter_context(engine.connect())
    return engine


def _prepare_sqlite(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


@contextmanager
def _migration_lock(engine: Engine) -> Iterator[Connection]:
    """A transaction that no other process that migrates holds at the same time."""
    if engine.url.get_backend_name() != "sqlite":
        with engine.begin() as connection:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
            yield connection
        return
    with Path(f"{engine.url.database}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with engine.begin() as connection:
            yield connection
