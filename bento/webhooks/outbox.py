"""Webhooks that are due, taken by one sender at a time."""

from collections.abc import Collection

from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from bento.db.models import Job, db_now
from bento.metrics.counters import increment
from bento.webhooks.delivery import backoff_s


class Outbox:
    """The webhooks of jobs that have ended."""

    def __init__(self, engine: Engine, tries: int) -> None:
        self._engine = engine
        self._tries = tries

    def claim_due(self, busy: Collection[str] = ()) -> Job | None:
        """Take one that is due; nobody else gets it before its next try would be due.

        Args:
            busy: Tenants whose webhooks have to wait.
        """
        due = select(Job).where(Job.webhook_due < db_now(), Job.tenant.not_in(busy))
        due = due.order_by(Job.webhook_due).limit(1)
        while True:
            with Session(self._engine) as session:
                job = session.scalar(due)
            if job is None or self._taken(job):
                return job

    def record_attempt(self, job: Job, taken: bool) -> None:
        """Note how a try went; after the last one it is given up."""
        last = job.webhook_tries + 1 >= self._tries
        if taken or last:
            with Session(self._engine) as session:
                session.execute(update(Job).where(Job.id == job.id).values(webhook_due=None))
                session.commit()
            increment(self._engine, [("webhooks", "taken" if taken else "given up", 1)])

    def _taken(self, job: Job) -> bool:
        tries = job.webhook_tries + 1
        mine = (
            update(Job)
            .where(Job.id == job.id, Job.webhook_tries == job.webhook_tries)
            .values(webhook_tries=tries, webhook_due=db_now() + backoff_s(tries))
        )
        with Session(self._engine) as session:
            won = session.execute(mine).rowcount == 1  # type: ignore[attr-defined]
            session.commit()
        return bool(won)
