"""Database engine; migrates the schema before first use."""

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

BUSY_TIMEOUT_S = 30
WARM_CONNECTIONS = 20
MAX_CONNECTIONS = 40  # one for each thread that handles requests
PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "secure_delete=ON")
MIGRATION_LOCK_ID = 0x756E6D61736B  # "unmask" in ASCII; id of a PostgreSQL advisory lock


def create_migrated_engine(settings: ServiceSettings) -> Engine:
    """Return an engine whose schema is up to date; SQLite uses write-ahead logging.

    If several processes start at once, one migrates and the others wait.
    """
    url = make_url(settings.database_url)
    if url.get_backend_name() == "sqlite":
        Path(url.database or "").parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(
            url, connect_args={"timeout": BUSY_TIMEOUT_S}, pool_size=MAX_CONNECTIONS
        )
        event.listen(engine, "connect", _prepare_sqlite)
    else:
        engine = create_engine(url, pool_pre_ping=True, pool_size=10, max_overflow=MAX_CONNECTIONS)
    with _migration_lock(engine) as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS_DIR))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    with ExitStack() as stack:  # fill the pool, or the first burst of requests would wait for it
        for _ in range(WARM_CONNECTIONS):
            stack.enter_context(engine.connect())
    return engine


def _prepare_sqlite(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


@contextmanager
def _migration_lock(engine: Engine) -> Iterator[Connection]:
    """Yield a transaction that excludes other migrating processes."""
    if engine.url.get_backend_name() != "sqlite":
        with engine.begin() as connection:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK_ID})"))
            yield connection
        return
    with Path(f"{engine.url.database}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with engine.begin() as connection:
            yield connection
