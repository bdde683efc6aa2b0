"""What a worker does with the table of jobs: claim, beat, end; and what is done when one dies.

A queue may lose a message or bring it twice. Neither matters: a job is claimed by one UPDATE
that only one worker can win, the claim is a random word that every later UPDATE must know, and a
claim that is silent for longer than its lease is taken away.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import Session

from bento.db.models import Job, Status, db_now, webhook_due_expression
from bento.metrics.counters import increment

LOST = (
    "the worker was lost {attempts} times while it analyzed this file; it may be damaged: "
    "send another copy of it"
)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on one job, until it ends or its lease runs out."""

    token: str
    job: Job


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """How a job ended.

    Attributes:
        failure: In one word; None where there is a result.
        error: In a sentence.
        keep_s: How long its row stays.
        drop_upload: Whether the upload is not kept.
        stages_s: Seconds by stage, for the metrics.
    """

    keep_s: float
    drop_upload: bool = False
    result: dict[str, Any] | None = None
    evidence: tuple[str, ...] = ()
    cached: bool = False
    cache_key: str | None = None
    failure: str | None = None
    error: str | None = None
    stages_s: Mapping[str, float] = field(default_factory=dict)


class LeaseManager:
    """Claims on jobs, for workers and for those who look after them."""

    def __init__(self, engine: Engine, lease_s: float, attempts: int) -> None:
        self.engine = engine
        self.lease_s = lease_s
        self.attempts = attempts

    def acquire(self, job_id: str) -> Lease | None:
        """Take a job that waits; None where it does not wait (any more)."""
        word = secrets.token_hex(8)
        taken = (
            update(Job)
            .where(Job.id == job_id, Job.status == Status.QUEUED)
            .values(
                status=Status.RUNNING,
                worker=word,
                attempts=Job.attempts + 1,
                lease_until=db_now() + self.lease_s,
                started_at=func.coalesce(Job.started_at, db_now()),
                stage="waiting",
                percent=0.0,
            )
        )
        with Session(self.engine, expire_on_commit=False) as session:
            won = session.execute(taken).rowcount == 1  # type: ignore[attr-defined]
            session.commit()
            job = session.get(Job, job_id) if won else None
        return Lease(word, job) if job is not None else None

    def acquire_next(self) -> Lease | None:
        """Take the job that has waited longest; None where none waits."""
        oldest = (
            select(Job.id)
            .where(Job.status == Status.QUEUED)
            .order_by(Job.created_at, Job.id)
            .limit(1)
        )
        while True:
            with Session(self.engine) as session:
                job_id = session.scalar(oldest)
            if job_id is None:
                return None
            if claim := self.acquire(job_id):
                return claim

    def heartbeat(self, claim: Lease, stage: str, percent: float) -> bool:
        """Say that the work goes on; False where the job was cancelled or taken away."""
        return self._change(
            claim, lease_until=db_now() + self.lease_s, stage=stage, percent=percent
        )

    def renew(self, claim: Lease) -> bool:
        """Keep the job, as :meth:`beat` does, and say nothing of how far it is."""
        return self._change(claim, lease_until=db_now() + self.lease_s)

    def release(self, claim: Lease, stage: str | None = None) -> bool:
        """Give a job back unfinished, as if it had not been begun; ``stage`` is why it waits."""
        given_back = {**_UNCLAIMED, "stage": stage, "attempts": Job.attempts - 1}
        return self._change(claim, status=Status.QUEUED, **given_back)

    def retry(self, claim: Lease) -> bool:
        """Give a job back to be begun again; False where it may not be, and is still held."""
        if claim.job.attempts >= self.attempts:
            return False
        return self._change(claim, status=Status.QUEUED, **_UNCLAIMED)

    def complete(self, claim: Lease, ending: JobOutcome) -> bool:
        """Record how a job ended; False where the claim was lost, and nothing is recorded."""
        status = Status.DONE if ending.failure is None else Status.FAILED
        result = ending.result
        recorded = self._change(
            claim,
            status=status,
            stage=None,
            percent=100.0 if result else claim.job.percent,
            finished_at=db_now(),
            expires_at=db_now() + ending.keep_s,
            result=result,
            verdict=result["verdict"] if result else None,
            evidence=list(ending.evidence),
            cached=ending.cached,
            cache_key=ending.cache_key,
            failure=ending.failure,
            error=ending.error,
            worker=None,
            lease_until=None,
            webhook_due=webhook_due_expression(),
            **({"upload": None} if ending.drop_upload else {}),
        )
        if recorded:
            self._count(ending)
        return recorded

    def find_cached(self, tenant: str, cache_key: str) -> Job | None:
        """A finished job of the tenant whose result answers the same question."""
        known = (
            select(Job)
            .where(Job.tenant == tenant, Job.cache_key == cache_key, Job.status == Status.DONE)
            .order_by(Job.finished_at.desc())
            .limit(1)
        )
        with Session(self.engine) as session:
            return session.scalars(known).one_or_none()

    def is_cancelled(self, job_id: str) -> bool:
        """Whether a job was cancelled or deleted while it was worked on."""
        with Session(self.engine) as session:
            status = session.scalar(select(Job.status).where(Job.id == job_id))
        return status in (None, Status.CANCELLED)

    def expire_stale(self, keep_s: float) -> int:
        """Take jobs from workers that fell silent: back into the queue, or failed.

        Returns:
            How many were taken.
        """
        silent = (Job.status == Status.RUNNING, Job.lease_until < db_now())
        spent = Job.attempts >= self.attempts
        failed = (
            update(Job)
            .where(*silent, spent)
            .values(
                status=Status.FAILED,
                failure="lost",
                error=LOST.format(attempts=self.attempts),
                finished_at=db_now(),
                expires_at=db_now() + keep_s,
                webhook_due=webhook_due_expression(),
                **_UNCLAIMED,
            )
        )
        again = update(Job).where(*silent).values(status=Status.QUEUED, **_UNCLAIMED)
        with Session(self.engine) as session:
            lost = session.execute(failed).rowcount  # type: ignore[attr-defined]
            back = session.execute(again).rowcount  # type: ignore[attr-defined]
            session.commit()
        if lost:
            increment(self.engine, [("jobs", "failed", lost), ("failures", "lost", lost)])
        return int(lost + back)

    def find_unqueued(self, older_than_s: float) -> tuple[list[str], list[str], int]:
        """Jobs that wait and that the queue may not know of.

        Returns:
            Those it was never told of, those it was told of longer ago than ``older_than_s``,
            and how many wait in all.
        """
        waiting = select(Job.id, Job.sent_at, db_now()).where(Job.status == Status.QUEUED)
        with Session(self.engine) as session:
            rows = session.execute(waiting.order_by(Job.created_at)).all()
        never = [job_id for job_id, sent_at, _ in rows if sent_at is None]
        told = [row for row in rows if row[1] is not None]
        before = [job_id for job_id, sent_at, moment in told if sent_at < moment - older_than_s]
        return never, before, len(rows)

    def _change(self, claim: Lease, **values: Any) -> bool:
        mine = (
            update(Job)
            .where(Job.id == claim.job.id, Job.worker == claim.token, Job.status == Status.RUNNING)
            .values(**values)
        )
        with Session(self.engine) as session:
            done = session.execute(mine).rowcount == 1  # type: ignore[attr-defined]
            session.commit()
        return bool(done)

    def _count(self, ending: JobOutcome) -> None:
        rows = [("jobs", "failed" if ending.failure else "done", 1.0)]
        if ending.failure:
            rows.append(("failures", ending.failure, 1.0))
        if ending.cached:
            rows.append(("cached", "", 1.0))
        for stage, seconds in () if ending.cached else ending.stages_s.items():
            rows += [("stage_seconds_sum", stage, seconds), ("stage_seconds_count", stage, 1.0)]
        increment(self.engine, rows)


_UNCLAIMED: dict[str, Any] = {"worker": None, "lease_until": None, "sent_at": None, "stage": None}
