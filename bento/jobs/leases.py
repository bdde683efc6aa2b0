"""Job leases: acquire, heartbeat, complete, retry, expire.

A task queue may lose a message or deliver it twice. Neither does harm: one UPDATE that only one
worker can win acquires a job, every later UPDATE must present the lease's random token, and a
lease without a heartbeat expires.
"""

import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Update, func, or_, select, update
from sqlalchemy.orm import Session

from bento.db.audit_log import SYSTEM, Action, Event, change_one
from bento.db.functions import Clock, db_now, webhook_due_expression
from bento.db.models import Job, Status
from bento.db.transactions import count_changed, transaction, update_one
from bento.jobs.fair_turns import next_job_statement, record_turn
from bento.jobs.outcome import JobOutcome
from bento.metrics.counters import increment

LOST = (
    "the worker was lost {attempts} times while it analyzed this file, which may be damaged; "
    "upload another copy of the video"
)
MAX_LEASES_AHEAD = 2  # more than one, as the processes of a fleet may differ in `lease_s`
_NO_LEASE: dict[str, Any] = {"worker": None, "lease_until": None, "sent_at": None, "stage": None}


@dataclass(frozen=True, slots=True)
class Lease:
    """The exclusive right to work on a job until it ends or the lease expires."""

    token: str
    job: Job


class LeaseManager:
    """Leases of jobs, for workers and for the maintenance loop.

    Args:
        attempts: How often a job may be started.
        clock: Current time as an SQL expression.
    """

    def __init__(
        self, engine: Engine, lease_s: float, attempts: int, clock: Clock = db_now
    ) -> None:
        self.engine = engine
        self.lease_s = lease_s
        self.attempts = attempts
        self._now = clock

    def acquire(self, job_id: str) -> Lease | None:
        """Lease a queued job; return None if it is not queued."""
        token = secrets.token_hex(8)
        acquired = (
            update(Job)
            .where(Job.id == job_id, Job.status == Status.QUEUED)
            .values(
                status=Status.RUNNING,
                worker=token,
                attempts=Job.attempts + 1,
                lease_until=self._now() + self.lease_s,
                started_at=func.coalesce(Job.started_at, self._now()),
                stage="waiting",
                percent=0.0,
            )
        )
        with transaction(self.engine) as session:
            won = count_changed(session, acquired) == 1
            job = session.get(Job, job_id) if won else None
            if job is not None:
                record_turn(session, job.tenant)
        return Lease(token, job) if job is not None else None

    def acquire_next(self) -> Lease | None:
        """Lease the next job, by fair turns of the tenants; return None if the queue is empty."""
        following = next_job_statement()
        while True:
            with Session(self.engine) as session:
                job_id = session.scalar(following)
            if job_id is None:
                return None
            if lease := self.acquire(job_id):
                return lease

    def heartbeat(self, lease: Lease, stage: str, percent: float) -> bool:
        """Renew a lease and record progress; return False if the lease was lost."""
        return self._update(
            lease, lease_until=self._now() + self.lease_s, stage=stage, percent=percent
        )

    def renew(self, lease: Lease) -> bool:
        """Renew a lease without progress; return False if the lease was lost."""
        return self._update(lease, lease_until=self._now() + self.lease_s)

    def release(self, lease: Lease, stage: str | None = None) -> bool:
        """Requeue an unfinished job without counting the attempt; ``stage`` says why it waits."""
        released = {**_NO_LEASE, "stage": stage, "attempts": Job.attempts - 1}
        return self._update(lease, status=Status.QUEUED, **released)

    def retry(self, lease: Lease, crash: str) -> bool:
        """Requeue a job that crashed with the error ``crash``.

        Returns:
            False, with the lease kept, if no attempt is left, or if the same bytes of the same
            tenant have crashed with this error before, in this job or another one.
        """
        if lease.job.attempts >= self.attempts or self._crashed_before(lease.job, crash):
            return False
        return self._update(lease, status=Status.QUEUED, crash=crash, **_NO_LEASE)

    def _crashed_before(self, job: Job, crash: str) -> bool:
        same = (Job.tenant == job.tenant, Job.sha256 == job.sha256)
        with Session(self.engine) as session:
            earlier = select(Job.id).where(*same, or_(Job.crash == crash, Job.error == crash))
            return session.scalar(earlier.limit(1)) is not None

    def complete(self, lease: Lease, outcome: JobOutcome) -> bool:
        """Record how a job ended; return False, and record nothing, if the lease was lost."""
        status = Status.DONE if outcome.failure is None else Status.FAILED
        report = outcome.report
        values = dict(
            status=status,
            stage=None,
            percent=100.0 if report else lease.job.percent,
            finished_at=self._now(),
            expires_at=self._now() + outcome.keep_s,
            result=report.model_dump(mode="json") if report else None,
            verdict=report.verdict if report else None,
            evidence=list(outcome.evidence),
            cached=outcome.cached,
            cache_key=outcome.cache_key,
            failure=outcome.failure,
            error=outcome.error,
            worker=None,
            lease_until=None,
            webhook_due=webhook_due_expression(self._now),
            **({"upload": None} if outcome.drop_upload else {}),
        )
        event = Event(lease.job.tenant, SYSTEM, Action.COMPLETE, lease.job.id, outcome.audit())
        recorded = change_one(self.engine, _held(lease).values(values), event)
        if recorded:
            increment(self.engine, outcome.counters())
        return recorded

    def find_cached(self, tenant: str, cache_key: str) -> Job | None:
        """Return the tenant's latest finished job with the same cache key, if any."""
        known = (
            select(Job)
            .where(Job.tenant == tenant, Job.cache_key == cache_key, Job.status == Status.DONE)
            .order_by(Job.finished_at.desc())
            .limit(1)
        )
        with Session(self.engine) as session:
            return session.scalars(known).one_or_none()

    def is_cancelled(self, job_id: str) -> bool:
        """Return whether a job was cancelled or deleted."""
        with Session(self.engine) as session:
            status = session.scalar(select(Job.status).where(Job.id == job_id))
        return status in (None, Status.CANCELLED)

    def expire_stale(self, keep_s: float) -> int:
        """Requeue jobs whose lease has expired; fail those without an attempt left.

        A lease that ends later than a new one could was given before the clock was set back; it
        has expired, too, unless its next heartbeat renews it first.

        Args:
            keep_s: How long a failed job is kept.

        Returns:
            Number of expired leases.
        """
        latest = self._now() + MAX_LEASES_AHEAD * self.lease_s
        is_over = or_(Job.lease_until < self._now(), Job.lease_until > latest)
        stale = (Job.status == Status.RUNNING, is_over)
        failed = (
            update(Job)
            .where(*stale, Job.attempts >= self.attempts)
            .values(
                status=Status.FAILED,
                failure="lost",
                error=LOST.format(attempts=self.attempts),
                finished_at=self._now(),
                expires_at=self._now() + keep_s,
                webhook_due=webhook_due_expression(self._now),
                **_NO_LEASE,
            )
        )
        requeued = update(Job).where(*stale).values(status=Status.QUEUED, **_NO_LEASE)
        with transaction(self.engine) as session:
            failed_jobs = count_changed(session, failed)
            requeued_jobs = count_changed(session, requeued)
        if failed_jobs:
            rows = [("jobs", "failed", failed_jobs), ("failures", "lost", failed_jobs)]
            increment(self.engine, rows)
        return failed_jobs + requeued_jobs

    def find_unqueued(self, older_than_s: float) -> tuple[list[str], list[str], int]:
        """Find queued jobs that the task queue may not know.

        Returns:
            Ids of jobs that were never enqueued, ids of jobs that were enqueued more than
            ``older_than_s`` ago, and the number of all queued jobs.
        """
        queued = select(Job.id, Job.sent_at, self._now()).where(Job.status == Status.QUEUED)
        with Session(self.engine) as session:
            rows = session.execute(queued.order_by(Job.created_at)).all()
        never_sent = [job_id for job_id, sent_at, _ in rows if sent_at is None]
        sent_earlier = [
            job_id
            for job_id, sent_at, now in rows
            if sent_at is not None and sent_at < now - older_than_s
        ]
        return never_sent, sent_earlier, len(rows)

    def _update(self, lease: Lease, **values: Any) -> bool:
        return update_one(self.engine, _held(lease).values(**values))


def _held(lease: Lease) -> Update:
    """Return an update of the job that changes nothing once the lease is lost."""
    held = (Job.id == lease.job.id, Job.worker == lease.token, Job.status == Status.RUNNING)
    return update(Job).where(*held)
