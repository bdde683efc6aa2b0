"""What the service does with the table of jobs: enter, find, list, cancel, delete."""

import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bento.db.models import ACTIVE_STATUSES, Job, Status, db_now, webhook_due_expression
from unmask.errors import UnmaskError

ID_BYTES = 16
FULL = "too many jobs are waiting; try again later"

# what every submission, or every question for a job, asks: put together once, not each time
_TENANT = Job.tenant == bindparam("tenant")
_ENTER = insert(Job).values(created_at=db_now())
_OWN = select(Job).where(_TENANT, Job.id == bindparam("job_id"))
_WAITING = select(func.count(), func.count().filter(_TENANT)).where(Job.status == Status.QUEUED)
_BEFORE = (
    select(func.count())
    .select_from(Job)
    .where(Job.status == Status.QUEUED, Job.created_at < bindparam("moment"))
)


class QueueFullError(UnmaskError):
    """As many jobs wait as the service lets wait."""


class IdempotencyError(UnmaskError):
    """A key comes again with another file or other options."""


@dataclass(frozen=True, slots=True)
class NewJob:
    """A video that has been received, before it is a job.

    Attributes:
        job_id: Random; its files lie in the store under this name already.
        file: Name as the sender knows it.
        upload: Where it lies in the store.
    """

    job_id: str
    tenant: str
    file: str
    sha256: str
    size_bytes: int
    upload: str
    options: dict[str, Any]
    idempotency_key: str | None = None
    batch: str | None = None


@dataclass(frozen=True, slots=True)
class JobPage:
    """Part of a tenant's jobs, newest first, and how many there are in all."""

    jobs: Sequence[Job]
    total: int


def new_id() -> str:
    """A name for a job that nobody can guess."""
    return secrets.token_hex(ID_BYTES)


class JobRepository:
    """The jobs of all tenants; every call names the tenant who asks."""

    def __init__(self, engine: Engine, max_queued: int, max_per_tenant: int) -> None:
        self.engine = engine
        self._max_queued = max_queued
        self._max_per_tenant = max_per_tenant

    def create(self, entry: NewJob) -> tuple[str, bool]:
        """Make a job of what was received.

        Returns:
            The job's id and True; that of an earlier job of the same key and False.

        Raises:
            IdempotencyError: The key belongs to another file or to other options.
            QueueFullError: The queue, or the tenant's part of it, became full meanwhile.
        """
        values = asdict(entry)
        row = {"id": values.pop("job_id"), "status": Status.QUEUED, **values}
        # the table itself: its mapping to objects takes three times as long, and all wait for it
        with self.engine.connect() as connection:
            try:
                connection.execute(_ENTER, row)
            except IntegrityError:
                connection.rollback()
                return self._earlier(entry), False
            if self._room(connection, entry.tenant) < 0:  # leaving undoes what is not committed
                raise QueueFullError(FULL)
            connection.commit()
        return entry.job_id, True

    def _earlier(self, entry: NewJob) -> str:
        same = (Job.tenant == entry.tenant, Job.idempotency_key == entry.idempotency_key)
        with Session(self.engine) as session:
            job = session.scalars(select(Job).where(*same)).one()
            if (job.sha256, job.options) != (entry.sha256, entry.options):
                raise IdempotencyError(
                    f"Idempotency-Key {entry.idempotency_key!r} was used for another file or other "
                    "options; use a new key"
                )
            return job.id

    def available_capacity(self, tenant: str, idempotency_key: str | None = None) -> int:
        """Refuse before an upload is read; an earlier job that comes again needs no room.

        Returns:
            How many jobs the tenant may submit now.

        Raises:
            QueueFullError: The queue, or the tenant's part of it, is full.
        """
        with self.engine.connect() as connection:
            room = self._room(connection, tenant)
            if room < 1 and not _known(connection, tenant, idempotency_key):
                raise QueueFullError(FULL)
        return max(room, 0)

    def _room(self, connection: Connection, tenant: str) -> int:
        everyone, own_jobs = connection.execute(_WAITING, {"tenant": tenant}).one()
        return min(self._max_queued - int(everyone), self._max_per_tenant - int(own_jobs))

    def find(self, tenant: str, job_id: str) -> Job | None:
        """A tenant's job; None where there is none or it is another's."""
        with Session(self.engine) as session:
            return session.scalars(_OWN, {"tenant": tenant, "job_id": job_id}).one_or_none()

    def queue_position(self, job: Job) -> int | None:
        """How many jobs are taken before this one, counting it; None unless it waits."""
        if job.status != Status.QUEUED:
            return None
        with Session(self.engine) as session:
            return 1 + (session.scalar(_BEFORE, {"moment": job.created_at}) or 0)

    def list_page(
        self,
        tenant: str,
        status: str | None = None,
        verdict: str | None = None,
        batch: str | None = None,
        window: tuple[int, int] = (0, 50),
    ) -> JobPage:
        """A tenant's jobs from ``window`` (first, count), newest first."""
        wanted = [Job.tenant == tenant]
        for column, value in ((Job.status, status), (Job.verdict, verdict), (Job.batch, batch)):
            if value is not None:
                wanted.append(column == value)
        first, count = window
        order = (Job.created_at.desc(), Job.id)
        with Session(self.engine) as session:
            total = session.scalar(select(func.count()).select_from(Job).where(*wanted)) or 0
            rows = select(Job).where(*wanted).order_by(*order).offset(first).limit(count)
            return JobPage(session.scalars(rows).all(), total)

    def cancel(self, tenant: str, job_id: str, expires_s: float) -> bool:
        """End a job that waits or runs; whether there was one."""
        ended = (
            update(Job)
            .where(Job.tenant == tenant, Job.id == job_id, Job.status.in_(ACTIVE_STATUSES))
            .values(
                status=Status.CANCELLED,
                finished_at=db_now(),
                expires_at=db_now() + expires_s,
                worker=None,
                lease_until=None,
                stage=None,
                webhook_due=webhook_due_expression(),
            )
        )
        with Session(self.engine) as session:
            done = _rows(session, ended) == 1
            session.commit()
        return done

    def clear_upload(self, job_id: str) -> None:
        """Note that the upload is gone."""
        with Session(self.engine) as session:
            session.execute(update(Job).where(Job.id == job_id).values(upload=None))
            session.commit()

    def delete(self, tenant: str, job_id: str) -> bool:
        """Remove a job that has ended from the table; whether there was one."""
        gone = delete(Job).where(
            Job.tenant == tenant, Job.id == job_id, Job.status.not_in(ACTIVE_STATUSES)
        )
        with Session(self.engine) as session:
            done = _rows(session, gone) == 1
            session.commit()
        return done

    def mark_enqueued(self, job_id: str) -> None:
        """Note that the queue was told of the job."""
        with Session(self.engine) as session:
            session.execute(update(Job).where(Job.id == job_id).values(sent_at=db_now()))
            session.commit()


def _known(connection: Connection, tenant: str, key: str | None) -> bool:
    same = select(Job.id).where(Job.tenant == tenant, Job.idempotency_key == key)
    return key is not None and connection.scalar(same) is not None


def _rows(session: Session, statement: Any) -> int:
    return int(session.execute(statement).rowcount)  # type: ignore[attr-defined]
