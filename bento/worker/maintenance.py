"""The one who looks after jobs that nobody looks after: lost, forgotten, unsent, outdated."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from bento.container import Services
from bento.db.models import ACTIVE_STATUSES, Job, db_now
from bento.security.api_keys import webhook_secret
from bento.webhooks.delivery import deliver

ROUND_S = 2.0
RESEND_S = 10.0
SWEEP_S = 3600.0  # it lists the whole store
DAY_S = 86_400.0
SENDERS = 4  # of webhooks, at the same time
SENDERS_OF_TENANT = 2  # so that one's slow receivers leave room for the others'

log = logging.getLogger(__name__)


class MaintenanceLoop:
    """Runs in every service and every worker; what one has done, the others find done."""

    def __init__(
        self, parts: Services, round_s: float = ROUND_S, resend_s: float = RESEND_S
    ) -> None:
        self._parts = parts
        self._round_s, self._resend_s = round_s, resend_s
        self._done = threading.Event()
        self._next_sweep = 0.0
        self._sending: Counter[str] = Counter()
        self._outbox = threading.Lock()
        # a receiver that is slow to take its webhook keeps no lost job waiting
        self._threads = [
            threading.Thread(target=self._run, args=(work,), daemon=True)
            for work in (self.run_once, *[self.deliver_webhooks] * SENDERS)
        ]

    def start(self) -> None:
        """Begin making rounds."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Make no more rounds; a webhook on its way is not waited for."""
        self._done.set()
        self._threads[0].join()

    def run_once(self) -> None:
        """Look once after jobs."""
        for work in (
            self._expire_leases,
            self._requeue_lost,
            self._delete_unretained_uploads,
            self._delete_expired_jobs,
            self._delete_orphans,
        ):
            self._tried(work)

    def deliver_webhooks(self) -> None:
        """Send the webhooks that are due; some at a time, and not all of them one tenant's."""
        private = self._parts.settings.webhook_private
        while not self._done.is_set() and (job := self._next_webhook()):
            try:
                secret = webhook_secret(self._parts.signing_key, job.tenant)
                self._parts.outbox.record_attempt(job, deliver(job, secret, private))
            finally:
                with self._outbox:
                    self._sending -= Counter([job.tenant])  # what is at zero goes

    def _next_webhook(self) -> Job | None:
        with self._outbox:
            busy = [one for one, count in self._sending.items() if count >= SENDERS_OF_TENANT]
            job = self._parts.outbox.claim_due(busy)
            self._sending.update([job.tenant] if job else ())
        return job

    def _run(self, work: Callable[[], None]) -> None:
        while not self._done.wait(self._round_s):
            self._tried(work)

    def _tried(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception:  # database, queue or store: away for a moment, and tried again
            log.exception("a round of the keeper was cut short")

    def _expire_leases(self) -> None:
        self._parts.claims.expire_stale(self._parts.settings.keep_days * DAY_S)

    def _requeue_lost(self) -> None:
        """Tell the queue anew of jobs that wait in the table and not in the queue."""
        if self._parts.broker is None:
            return
        never, before, waiting = self._parts.claims.find_unqueued(self._resend_s)
        depth = self._parts.broker.depth() if never or before else None
        if depth is None:
            return
        lost = before if depth < waiting else []  # else a message of each is still in the queue
        for job_id in [*never, *lost]:
            self._parts.enqueue(job_id)

    def _delete_unretained_uploads(self) -> None:
        """Delete uploads that were not to be kept, where no worker lived to do it."""
        soon = db_now() + self._parts.settings.zero_minutes * 60
        retention = Job.options["retention"].as_string()
        left = select(Job.id, Job.upload, retention).where(
            Job.upload.is_not(None), Job.status.not_in(ACTIVE_STATUSES), retention != "keep"
        )
        with Session(self._parts.engine) as session:
            found = session.execute(left.limit(100)).all()
        for job_id, upload, kept in found:
            self._parts.store.remove(upload)
            expiry = {"expires_at": soon} if kept == "zero" else {}
            with Session(self._parts.engine) as session:
                session.execute(update(Job).where(Job.id == job_id).values(upload=None, **expiry))
                session.commit()

    def _delete_expired_jobs(self) -> None:
        """Delete what has been kept long enough, files first."""
        old = (
            select(Job.id)
            .where(Job.expires_at < db_now(), Job.status.not_in(ACTIVE_STATUSES))
            .limit(100)
        )
        with Session(self._parts.engine) as session:
            expired = list(session.scalars(old))
        for job_id in expired:
            self._parts.store.remove(job_id)
            with Session(self._parts.engine) as session:
                session.execute(delete(Job).where(Job.id == job_id, Job.expires_at < db_now()))
                session.commit()

    def _delete_orphans(self) -> None:
        """Remove what a killed process left behind: on its way, or in the store without a job."""
        if time.monotonic() < self._next_sweep:
            return
        self._next_sweep = time.monotonic() + SWEEP_S
        store = self._parts.store
        store.purge_work_dir(DAY_S)
        with Session(self._parts.engine) as session:
            lost = [one for one in store.list_job_ids(DAY_S) if session.get(Job, one) is None]
        for job_id in lost:
            store.remove(job_id)
