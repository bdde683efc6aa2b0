"""Audit log: who saw or changed what; rows are only added, and each holds the hash of the last.

A row that was changed, removed or put in between breaks the chain. Rows missing at the end do not:
keep the hash of the last row elsewhere from time to time, and verify that it is still in the log.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Delete, Engine, Update, insert, select, update
from sqlalchemy.orm import Session

from bento.db.functions import db_now
from bento.db.models import AuditHead, AuditRow, Job
from bento.db.transactions import count_changed, transaction
from bento.errors import AuditError
from unmask.serving.custody.canonical_json import canonical_sha256

SYSTEM = "system"  # the actor of what no request asks for
FIRST_HASH = "0" * 64
HEAD_ID = 1
BATCH_ROWS = 1000
_HASHED = ("number", "at", "tenant", "actor", "action", "job_id", "details", "previous")


class Action(StrEnum):
    """What was done."""

    SUBMIT = "submit"
    COMPLETE = "complete"
    VIEW = "view"
    WATCH = "watch"
    DOWNLOAD_JSON = "download_json"
    DOWNLOAD_PDF = "download_pdf"
    EXPORT = "export"
    PREDICT = "predict"
    CANCEL = "cancel"
    DELETE = "delete"
    EXPIRE = "expire"


@dataclass(frozen=True, slots=True)
class Event:
    """One entry, before it is numbered.

    Attributes:
        tenant: Owner of the job.
        actor: ``key`` and the start of the API key's hash, ``local`` without API keys, or
            :data:`SYSTEM`.
        job_id: Not stored for a job of retention ``zero``, and neither are the details.
        details: Hash of the report, or the kind of failure; never the content of a request.
    """

    tenant: str
    actor: str
    action: Action
    job_id: str | None = None
    details: Mapping[str, str] = field(default_factory=dict)


def append(connection: Connection, event: Event) -> str:
    """Add a row within a transaction, and return its hash; other writers wait for its end."""
    count = update(AuditHead).where(AuditHead.id == HEAD_ID).values(number=AuditHead.number + 1)
    head = connection.execute(count.returning(AuditHead.number, AuditHead.hash)).one()
    row: dict[str, Any] = {
        "number": head.number,
        "at": round(connection.scalars(select(db_now())).one(), 3),
        "tenant": event.tenant,
        "actor": event.actor,
        "action": str(event.action),
        "job_id": event.job_id,
        "details": dict(event.details),
        "previous": head.hash,
    }
    row["hash"] = hash_row(row)
    connection.execute(insert(AuditRow).values(row))
    connection.execute(update(AuditHead).where(AuditHead.id == HEAD_ID).values(hash=row["hash"]))
    return str(row["hash"])


def record(engine: Engine, event: Event) -> str:
    """Add a row in a transaction of its own, and return its hash."""
    event = _without_traces(engine, event)
    with engine.begin() as connection:
        return append(connection, event)


def change_one(engine: Engine, statement: Update | Delete, event: Event) -> bool:
    """Change one row and record it, both or neither; return whether there was such a row."""
    event = _without_traces(engine, event)
    with transaction(engine) as session:
        changed = count_changed(session, statement) == 1
        if changed:
            append(session.connection(), event)
    return changed


def _without_traces(engine: Engine, event: Event) -> Event:
    """Return the event without id and hashes if its job has retention ``zero``."""
    # in a transaction of its own: on SQLite, one that has read may be unable to write
    retention = select(Job.options["retention"].as_string()).where(Job.id == event.job_id)
    with Session(engine) as session:
        is_zero = event.job_id is not None and session.scalar(retention) == "zero"
    return replace(event, job_id=None, details={}) if is_zero else event


def hash_row(row: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a row without its hash, as RFC 8785 writes it."""
    return canonical_sha256({name: row[name] for name in _HASHED})


def iter_rows(engine: Engine) -> Iterator[dict[str, Any]]:
    """Yield all rows in order, as plain values."""
    last = 0
    names = (*_HASHED, "hash")
    while True:
        statement = select(AuditRow).where(AuditRow.number > last).order_by(AuditRow.number)
        with Session(engine) as session:
            rows = session.scalars(statement.limit(BATCH_ROWS)).all()
        if not rows:
            return
        for row in rows:
            yield {name: getattr(row, name) for name in names}
        last = rows[-1].number


def verify_chain(engine: Engine) -> tuple[int, str]:
    """Check every row against the one before it.

    Returns:
        Number and hash of the last row; 0 and :data:`FIRST_HASH` for an empty log.

    Raises:
        AuditError: A row was changed, removed or put in between, or is missing at the end.
    """
    number, last = 0, FIRST_HASH
    for row in iter_rows(engine):
        if row["number"] != number + 1:
            raise AuditError(f"row {number + 1} is missing; the next is {row['number']}")
        if row["previous"] != last:
            raise AuditError(f"row {row['number']} does not follow row {number}")
        if row["hash"] != hash_row(row):
            raise AuditError(f"row {row['number']} was changed")
        number, last = row["number"], row["hash"]
    with Session(engine) as session:
        head = session.get_one(AuditHead, HEAD_ID)
    # rows may have been added meanwhile
    if head.number < number or (head.number == number and head.hash != last):
        raise AuditError(f"the log counts {head.number} rows and has {number}")
    if head.number > number and not _has(engine, head.number):
        raise AuditError(
            f"the log counts {head.number} rows and has {number}; the last are missing"
        )
    return number, last


def _has(engine: Engine, number: int) -> bool:
    with Session(engine) as session:
        return session.get(AuditRow, number) is not None
