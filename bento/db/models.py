"""ORM models. The job table is the single source of truth; a task queue only carries hints."""

import enum
from typing import Any

from sqlalchemy import JSON, BigInteger, Float, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Status(enum.StrEnum):
    """State of a job."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


ACTIVE_STATUSES = (Status.QUEUED, Status.RUNNING)


class Base(DeclarativeBase):
    """Base of all tables of the service."""


class Job(Base):
    """One video to analyze, from upload to result.

    Times are seconds since 1970 by the database's clock, so machine clocks need not agree.

    Attributes:
        id: Random and unguessable.
        tenant: Owner of the API key that submitted the job.
        sha256: Hash of the upload.
        upload: Key of the upload in the object store; null once deleted.
        evidence: Names of the evidence images in the object store.
        cache_key: Hash of upload, detector and options; null if the result must not be reused.
        worker: Random token of the current lease.
        lease_until: When the lease expires unless renewed.
        sent_at: When the job was last enqueued.
        crash: Error of the last attempt that crashed and was followed by another one.
        failure: Kind of failure, a metric label; ``error`` is the message.
        webhook_due: When the next webhook attempt is due; null if no attempt is due.
        expires_at: When result, evidence and upload are deleted.
    """

    __tablename__ = "detection_results"
    __table_args__ = (
        UniqueConstraint("tenant", "idempotency_key", name="uq_tenant_idempotency_key"),
        Index("ix_status_created", "status", "created_at"),
        Index("ix_tenant_created", "tenant", "created_at"),
        Index("ix_tenant_cache", "tenant", "cache_key"),
        Index("ix_expires", "expires_at"),
        Index("ix_webhook_due", "webhook_due"),
        Index(
            "ix_tenant_stored",
            "tenant",
            "size_bytes",
            sqlite_where=text("upload IS NOT NULL"),
            postgresql_where=text("upload IS NOT NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    tenant: Mapped[str] = mapped_column(Text)
    batch: Mapped[str | None] = mapped_column(Text)
    idempotency_key: Mapped[str | None] = mapped_column(Text)
    file: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(Text)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    upload: Mapped[str | None] = mapped_column(Text)
    options: Mapped[dict[str, Any]] = mapped_column(JSON)

    status: Mapped[str] = mapped_column(Text)
    stage: Mapped[str | None] = mapped_column(Text)
    percent: Mapped[float] = mapped_column(Float, default=0.0)
    attempts: Mapped[int] = mapped_column(default=0)
    worker: Mapped[str | None] = mapped_column(Text)
    lease_until: Mapped[float | None] = mapped_column(Float)
    sent_at: Mapped[float | None] = mapped_column(Float)

    created_at: Mapped[float] = mapped_column(Float)
    started_at: Mapped[float | None] = mapped_column(Float)
    finished_at: Mapped[float | None] = mapped_column(Float)
    expires_at: Mapped[float | None] = mapped_column(Float)

    verdict: Mapped[str | None] = mapped_column(Text)
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    evidence: Mapped[list[str]] = mapped_column(JSON, default=list)
    cached: Mapped[bool] = mapped_column(default=False)
    cache_key: Mapped[str | None] = mapped_column(Text)
    crash: Mapped[str | None] = mapped_column(Text)
    failure: Mapped[str | None] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(Text)

    webhook_due: Mapped[float | None] = mapped_column(Float)
    webhook_tries: Mapped[int] = mapped_column(default=0)


class Counter(Base):
    """A persistent counter of `/metrics`; it outlives the jobs that it counts."""

    __tablename__ = "service_totals"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    label: Mapped[str] = mapped_column(Text, primary_key=True)
    value: Mapped[float] = mapped_column(Float, default=0.0)


class TenantTurn(Base):
    """When a tenant's job was last started: a number that grows with every start."""

    __tablename__ = "tenant_turns"

    tenant: Mapped[str] = mapped_column(Text, primary_key=True)
    turn: Mapped[int] = mapped_column(BigInteger)


class Secret(Base):
    """A generated secret that all machines share."""

    __tablename__ = "service_secrets"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    value: Mapped[str] = mapped_column(Text)


class ReportKey(Base):
    """A public key whose private half signs, or signed, the reports of a machine.

    Attributes:
        key_id: SHA-256 of the key, as signatures name it.
        public_key: PEM.
    """

    __tablename__ = "report_keys"

    key_id: Mapped[str] = mapped_column(Text, primary_key=True)
    public_key: Mapped[str] = mapped_column(Text)
    created_at: Mapped[float] = mapped_column(Float)


class AuditRow(Base):
    """A row of the audit log; see :mod:`bento.db.audit_log`. The database refuses to change one."""

    __tablename__ = "audit_log"

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[float] = mapped_column(Float)
    tenant: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(Text)
    action: Mapped[str] = mapped_column(Text)
    job_id: Mapped[str | None] = mapped_column(Text)
    details: Mapped[dict[str, str]] = mapped_column(JSON)
    previous: Mapped[str] = mapped_column(Text)
    hash: Mapped[str] = mapped_column(Text)


class AuditHead(Base):
    """Number and hash of the last row of the audit log: one row, which writers lock."""

    __tablename__ = "audit_head"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[str] = mapped_column(Text)
