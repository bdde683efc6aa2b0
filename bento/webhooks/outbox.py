"""Transactional outbox of webhooks; each due webhook is claimed by one sender."""

from collections.abc import Collection

from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from bento.db.functions import Clock, db_now
from bento.db.models import Job
from bento.db.transactions import update_one
from bento.metrics.counters import increment
from bento.webhooks.delivery import backoff_s


class Outbox:
    """Webhooks of jobs that have ended.

    Args:
        max_tries: Attempts per webhook.
        clock: Current time as an SQL expression.
    """

    def __init__(self, engine: Engine, max_tries: int, clock: Clock = db_now) -> None:
        self._engine = engine
        self._max_tries = max_tries
        self._now = clock

    def claim_due(self, excluded_tenants: Collection[str] = ()) -> Job | None:
        """Claim a due webhook, if any; no other sender gets it before its next attempt is due."""
        due = select(Job).where(Job.webhook_due < self._now(), Job.tenant.not_in(excluded_tenants))
        due = due.order_by(Job.webhook_due).limit(1)
        while True:
            with Session(self._engine) as session:
                job = session.scalar(due)
            if job is None or self._claim(job):
                return job

    def record_attempt(self, job: Job, delivered: bool) -> None:
        """Record an attempt; a webhook stays due unless it was delivered or has no tries left."""
        is_last = job.webhook_tries + 1 >= self._max_tries
        if delivered or is_last:
            update_one(self._engine, update(Job).where(Job.id == job.id).values(webhook_due=None))
            increment(self._engine, [("webhooks", "taken" if delivered else "given up", 1)])

    def _claim(self, job: Job) -> bool:
        tries = job.webhook_tries + 1
        return update_one(
            self._engine,
            update(Job)
            .where(Job.id == job.id, Job.webhook_tries == job.webhook_tries)
            .values(webhook_tries=tries, webhook_due=self._now() + backoff_s(tries)),
        )
