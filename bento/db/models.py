"""The table of jobs, the one truth about them; queues only carry messages about it."""

import enum
from typing import Any

from sqlalchemy import JSON, BigInteger, Float, Index, Text, UniqueConstraint, case
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.sql.expression import FunctionElement


class Status(enum.StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


ACTIVE_STATUSES = (Status.QUEUED, Status.RUNNING)


class Base(DeclarativeBase):
    """All tables of the service."""


class Job(Base):
    """One video to be analyzed, from upload to result.

    Times are seconds since 1970 by the database's clock, so that machines need not agree.

    Attributes:
        id: Random; whoever does not know it cannot guess it.
        tenant: Whose key asked.
        sha256: Of the upload.
        upload: Where the upload lies in the store; null once it is deleted.
        evidence: Names of evidence pictures in the store.
        cache_key: Hash of upload, detector and options; null where the result may not be reused.
        worker: Random word of the claim that holds the job; another claim has another word.
        lease_until: When a silent worker loses the job.
        sent_at: When the queue was last told of it.
        failure: Kind of failure in one word, for the metrics; ``error`` says it in a sentence.
        webhook_due: When the webhook is to be sent; null where there is nothing to send.
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
    failure: Mapped[str | None] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(Text)

    webhook_due: Mapped[float | None] = mapped_column(Float)
    webhook_tries: Mapped[int] = mapped_column(default=0)


class Counter(Base):
    """A number that only grows, kept beyond the jobs it counts; `/metrics` shows it."""

    __tablename__ = "service_totals"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    label: Mapped[str] = mapped_column(Text, primary_key=True)
    value: Mapped[float] = mapped_column(Float, default=0.0)


class Secret(Base):
    """Something random that is made once."""

    __tablename__ = "service_secrets"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    value: Mapped[str] = mapped_column(Text)


class db_now(FunctionElement[float]):  # noqa: N801 - a function of SQL
    """Seconds since 1970, by the database's clock."""

    type = Float()
    inherit_cache = True


@compiles(db_now, "sqlite")
def _sqlite_now(*_: Any, **__: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(db_now, "postgresql")
def _postgresql_now(*_: Any, **__: Any) -> str:
    return "extract(epoch from clock_timestamp())::double precision"


def webhook_due_expression() -> Any:
    """When the webhook of a job that ends is to be sent: now, or never where none is wanted."""
    return case((Job.options["webhook_url"].as_string().is_not(None), db_now()), else_=None)
