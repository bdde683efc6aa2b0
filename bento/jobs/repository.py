"""Job repository: create, find, list, cancel, delete."""

import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    bindparam,
    case,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bento.db.audit_log import SYSTEM, Action, Event, append, change_one
from bento.db.erasure import Eraser
from bento.db.functions import db_now, webhook_due_expression
from bento.db.models import ACTIVE_STATUSES, Job, Status
from bento.db.transactions import update_one
from bento.errors import IdempotencyError, QueueFullError, StorageFullError
from bento.jobs.cursor import Cursor
from bento.jobs.listing import JobPage, JobQuery, list_jobs
from bento.jobs.submission import Submission, client_key
from bento.settings import ServiceSettings
from unmask.serving.file_limits import MIB

ID_BYTES = 16
QUEUE_FULL = "too many jobs are waiting; retry later"

# hot statements, built once instead of for each request
_OF_TENANT = Job.tenant == bindparam("tenant")
_INSERT = insert(Job).values(created_at=db_now())
_RETENTION = Job.options["retention"].as_string()
_FIND = select(Job).where(_OF_TENANT, Job.id == bindparam("job_id"))
_COUNT_QUEUED = select(func.count(), func.count().filter(_OF_TENANT)).where(
    Job.status == Status.QUEUED
)
_COUNT_EARLIER = (
    select(func.count())
    .select_from(Job)
    .where(_OF_TENANT, Job.status == Status.QUEUED, Job.created_at < bindparam("created_at"))
)
_STORED_BYTES = select(func.coalesce(func.sum(Job.size_bytes), 0)).where(
    _OF_TENANT, Job.upload.is_not(None)
)


@dataclass(frozen=True, slots=True)
class NewJob:
    """A stored upload that is about to become a job.

    Attributes:
        job_id: Random; the files in the object store are already named after it.
        file: File name as sent by the client.
        upload: Key of the upload in the object store.
    """

    job_id: str
    submission: Submission
    file: str
    sha256: str
    size_bytes: int
    upload: str

    def to_row(self) -> dict[str, Any]:
        """Return the values of the job's columns."""
        submission = self.submission
        return {
            "id": self.job_id,
            "status": Status.QUEUED,
            "tenant": submission.tenant,
            "batch": submission.batch,
            "idempotency_key": submission.idempotency_key,
            "options": submission.options.model_dump(exclude_none=True),
            "file": self.file,
            "sha256": self.sha256,
            "size_bytes": self.size_bytes,
            "upload": self.upload,
        }

    def to_event(self) -> Event:
        """Return the entry of the audit log; with retention ``zero`` it does not name the job."""
        submission = self.submission
        job_id = None if submission.options.retention == "zero" else self.job_id
        return Event(submission.tenant, submission.actor, Action.SUBMIT, job_id)


def new_id() -> str:
    """Return a random, unguessable id."""
    return secrets.token_hex(ID_BYTES)


class JobRepository:
    """Jobs of all tenants; every method is restricted to one tenant or one job."""

    def __init__(self, engine: Engine, settings: ServiceSettings, eraser: Eraser) -> None:
        self.engine = engine
        self._eraser = eraser
        self._max_queued = settings.max_queued
        self._max_per_tenant = settings.max_queued_per_tenant
        self._max_stored_mib = settings.max_stored_mib_per_tenant

    def create(self, job: NewJob) -> tuple[str, bool]:
        """Insert a job.

        Returns:
            The job's id and True; or the id of the earlier job with the same Idempotency-Key and
            False.

        Raises:
            IdempotencyError: The key was used for another file or other options.
            QueueFullError: The queue, or the tenant's share of it, is full.
            StorageFullError: The tenant's stored uploads exceed its quota.
        """
        # Core instead of ORM: the insert takes a third of the time while writers are serialized
        with self.engine.connect() as connection:
            try:
                connection.execute(_INSERT, job.to_row())
            except IntegrityError:
                connection.rollback()
                return self._find_earlier(job), False
            if (
                self._capacity(connection, job.submission.tenant) < 0
            ):  # closing the connection rolls back
                raise QueueFullError(QUEUE_FULL)
            self._require_quota(connection, job.submission.tenant)
            append(connection, job.to_event())
            connection.commit()
        return job.job_id, True

    def _find_earlier(self, job: NewJob) -> str:
        row = job.to_row()
        same_key = (Job.tenant == row["tenant"], Job.idempotency_key == row["idempotency_key"])
        with Session(self.engine) as session:
            earlier = session.scalars(select(Job).where(*same_key)).one()
            if (earlier.sha256, earlier.options) != (row["sha256"], row["options"]):
                key = client_key(row["idempotency_key"])
                raise IdempotencyError(
                    f"Idempotency-Key {key!r} was used for another file or other options; "
                    "use a new key"
                )
            return earlier.id

    def available_capacity(self, tenant: str, idempotency_key: str | None = None) -> int:
        """Return how many jobs the tenant may submit; a repeated submission needs no capacity.

        Raises:
            QueueFullError: The queue, or the tenant's share of it, is full.
        """
        with self.engine.connect() as connection:
            capacity = self._capacity(connection, tenant)
            if capacity < 1 and not _exists(connection, tenant, idempotency_key):
                raise QueueFullError(QUEUE_FULL)
        return max(capacity, 0)

    def _capacity(self, connection: Connection, tenant: str) -> int:
        queued, queued_by_tenant = connection.execute(_COUNT_QUEUED, {"tenant": tenant}).one()
        return min(self._max_queued - int(queued), self._max_per_tenant - int(queued_by_tenant))

    def require_quota(self, tenant: str, arriving_bytes: int) -> None:
        """Check that the tenant may store so many bytes more.

        Raises:
            StorageFullError: The quota would be exceeded.
        """
        with self.engine.connect() as connection:
            self._require_quota(connection, tenant, arriving_bytes)

    def _require_quota(self, connection: Connection, tenant: str, arriving_bytes: int = 0) -> None:
        stored_bytes = connection.scalar(_STORED_BYTES, {"tenant": tenant}) or 0
        if stored_bytes + arriving_bytes > self._max_stored_mib * MIB:
            raise StorageFullError(
                f"your stored and arriving uploads exceed {self._max_stored_mib} MiB; delete jobs "
                "that have ended, or retry later"
            )

    def find(self, tenant: str, job_id: str) -> Job | None:
        """Return the tenant's job; None if it does not exist or belongs to another tenant."""
        with Session(self.engine) as session:
            return session.scalars(_FIND, {"tenant": tenant, "job_id": job_id}).one_or_none()

    def queue_position(self, job: Job) -> int | None:
        """Return the job's position among its tenant's, from 1; None if it is not queued.

        Tenants take turns, and how many jobs the others have is not for this tenant to know.
        """
        if job.status != Status.QUEUED:
            return None
        values = {"tenant": job.tenant, "created_at": job.created_at}
        with Session(self.engine) as session:
            return 1 + (session.scalar(_COUNT_EARLIER, values) or 0)

    def list_page(
        self, tenant: str, query: JobQuery, window: tuple[int | Cursor, int] = (0, 50)
    ) -> JobPage:
        """Return a page of the tenant's jobs; see :func:`bento.jobs.listing.list_jobs`."""
        return list_jobs(self.engine, tenant, query, window)

    def cancel(self, tenant: str, job_id: str, expires_s: float, actor: str = SYSTEM) -> bool:
        """Cancel a queued or running job; return False if no such job exists.

        A job of retention ``zero`` expires at once, so no webhook reports it.
        """
        is_zero = _RETENTION == "zero"
        return change_one(
            self.engine,
            update(Job)
            .where(Job.tenant == tenant, Job.id == job_id, Job.status.in_(ACTIVE_STATUSES))
            .values(
                status=Status.CANCELLED,
                finished_at=db_now(),
                expires_at=case((is_zero, db_now()), else_=db_now() + expires_s),
                worker=None,
                lease_until=None,
                stage=None,
                webhook_due=case((is_zero, None), else_=webhook_due_expression()),
            ),
            Event(tenant, actor, Action.CANCEL, job_id),
        )

    def clear_upload(self, job_id: str) -> None:
        """Record that the upload was deleted."""
        update_one(self.engine, update(Job).where(Job.id == job_id).values(upload=None))

    def delete(self, tenant: str, job_id: str, actor: str = SYSTEM) -> bool:
        """Delete a job that has ended; return False if no such job exists."""
        ended = Job.status.not_in(ACTIVE_STATUSES)
        owned = (Job.tenant == tenant, Job.id == job_id)
        event = Event(tenant, actor, Action.DELETE, job_id)
        deleted = change_one(self.engine, delete(Job).where(*owned, ended), event)
        if deleted:
            self._eraser.after_deletion()
        return deleted

    def mark_enqueued(self, job_id: str) -> None:
        """Record that the task queue has accepted the job."""
        update_one(self.engine, update(Job).where(Job.id == job_id).values(sent_at=db_now()))


def _exists(connection: Connection, tenant: str, key: str | None) -> bool:
    same_key = select(Job.id).where(Job.tenant == tenant, Job.idempotency_key == key)
    return key is not None and connection.scalar(same_key) is not None
