"""Database engine; migrates the schema before first use."""

import fcntl
import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from bento.paths import MIGRATIONS_DIR
from bento.settings import ServiceSettings

BUSY_TIMEOUT_S = 30.0
WARM_CONNECTIONS = 20
MAX_SQLITE_CONNECTIONS = 40  # one for each thread that handles requests
PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "secure_delete=ON")
MIGRATION_LOCK_ID = 0x756E6D61736B  # "unmask" in ASCII; id of a PostgreSQL advisory lock

log = logging.getLogger(__name__)


def create_migrated_engine(
    settings: ServiceSettings, busy_timeout_s: float = BUSY_TIMEOUT_S
) -> Engine:
    """Return an engine whose schema is up to date; SQLite uses write-ahead logging.

    If several processes start at once, one migrates and the others wait. The schema of a newer
    version stays as it is: migrations only add, so that the processes of an earlier version go on
    during an upgrade, and after it is rolled back. If an SQLite file is
    removed or replaced later, each use of the engine raises an `OperationalError`: changes would
    go to the file that no longer has a name.

    Args:
        busy_timeout_s: How long a statement waits while another process writes (SQLite).
    """
    url, warm = make_url(settings.database_url), WARM_CONNECTIONS
    if url.get_backend_name() == "sqlite":
        Path(url.database or "").parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(
            url, connect_args={"timeout": busy_timeout_s}, pool_size=MAX_SQLITE_CONNECTIONS
        )
        event.listen(engine, "connect", _prepare_sqlite)
    else:
        kept = min(settings.database_connections_kept, settings.database_connections)
        overflow = settings.database_connections - kept
        engine = create_engine(url, pool_pre_ping=True, pool_size=kept, max_overflow=overflow)
        warm = min(WARM_CONNECTIONS, settings.database_connections)
    with _migration_lock(engine) as connection:
        _upgrade_schema(connection)
    if url.get_backend_name() == "sqlite" and url.database:
        _refuse_replaced_file(engine, Path(url.database))
    with ExitStack() as stack:  # fill the pool, or the first burst of requests would wait for it
        for _ in range(warm):
            stack.enter_context(engine.connect())
    return engine


def read_revision(engine: Engine) -> str:
    """Return the revision of a migrated schema, such as ``0003``."""
    with engine.connect() as connection:
        return str(MigrationContext.configure(connection).get_current_revision())


def _upgrade_schema(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS_DIR))
    config.attributes["connection"] = connection
    revisions = ScriptDirectory.from_config(config).walk_revisions()
    current = MigrationContext.configure(connection).get_current_revision()
    if current is None or current in {script.revision for script in revisions}:
        command.upgrade(config, "head")
    else:
        log.warning("the database has the schema of a newer version (%s); it is kept", current)


def _prepare_sqlite(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _refuse_replaced_file(engine: Engine, path: Path) -> None:
    opened = _identity(path)

    def check(*_: Any) -> None:
        if _identity(path) != opened:
            cause = FileNotFoundError(f"{path}: was removed or replaced; put it back, or restart")
            raise OperationalError("connect", {}, cause)

    event.listen(engine, "checkout", check)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


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
