"""SQL expressions that the repositories share."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Float, case
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import FunctionElement

from bento.db.models import Job


class db_now(FunctionElement[float]):  # noqa: N801 - named like an SQL function
    """Seconds since 1970 by the database's clock."""

    type = Float()
    inherit_cache = True


Clock = Callable[[], ColumnElement[float]]


@compiles(db_now, "sqlite")
def _compile_sqlite(*_: Any, **__: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(db_now, "postgresql")
def _compile_postgresql(*_: Any, **__: Any) -> str:
    return "extract(epoch from clock_timestamp())::double precision"


def webhook_due_expression(clock: Clock = db_now) -> Any:
    """Return when an ending job's webhook is due: now, or never if the job has no webhook."""
    return case((Job.options["webhook_url"].as_string().is_not(None), clock()), else_=None)
