"""Background maintenance: recovers lost jobs, delivers due webhooks, deletes expired data."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from bento.container import Services
from bento.db.audit_log import SYSTEM, Action, Event, change_one
from bento.db.models import ACTIVE_STATUSES, Job
from bento.db.transactions import update_one
from bento.security.signing import webhook_secret
from bento.settings import DAY_S
from bento.webhooks.delivery import deliver

ROUND_S = 2.0
RESEND_S = 10.0
ORPHAN_SWEEP_S = 3600.0  # long, because it lists the whole store
BATCH_ROWS = 100
SENDERS = 4  # concurrent webhook deliveries
MAX_SENDERS_PER_TENANT = 2  # a tenant's slow receivers must not delay other tenants

log = logging.getLogger(__name__)


class MaintenanceLoop:
    """Runs in every service and every worker process; concurrent loops do no harm.

    Args:
        round_s: Pause between two rounds.
        resend_s: Age at which an enqueued job counts as lost by the task queue.
    """

    def __init__(
        self, services: Services, round_s: float = ROUND_S, resend_s: float = RESEND_S
    ) -> None:
        self._services = services
        self._round_s, self._resend_s = round_s, resend_s
        self._stopping = threading.Event()
        self._next_sweep_s = 0.0
        self._sending: Counter[str] = Counter()
        self._sending_lock = threading.Lock()
        # webhooks have their own threads: slow receivers must not delay the recovery of jobs
        self._threads = [
            threading.Thread(target=self._run, args=(task,), daemon=True)
            for task in (self.run_once, *[self.deliver_webhooks] * SENDERS)
        ]

    def start(self) -> None:
        """Start the background threads."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop after the current round, without waiting for webhooks."""
        self._stopping.set()
        self._threads[0].join()

    def run_once(self) -> None:
        """Run every task once; a task that fails does not stop the others."""
        for task in (
            self._expire_leases,
            self._requeue_lost,
            self._delete_unretained_uploads,
            self._delete_expired_jobs,
            self._delete_orphans,
            self._services.eraser.run_pending,
        ):
            self._run_logged(task)

    def deliver_webhooks(self) -> None:
        """Deliver due webhooks until none is left."""
        settings = self._services.settings
        while not self._stopping.is_set() and (job := self._claim_webhook()):
            try:
                secret = webhook_secret(self._services.signing_key, job.tenant)
                delivered = deliver(job, secret, settings.webhook_private, settings.root_path)
                self._services.outbox.record_attempt(job, delivered)
            finally:
                with self._sending_lock:
                    self._sending -= Counter([job.tenant])  # drops tenants at zero

    def _claim_webhook(self) -> Job | None:
        with self._sending_lock:
            busy = [
                tenant for tenant, count in self._sending.items() if count >= MAX_SENDERS_PER_TENANT
            ]
            job = self._services.outbox.claim_due(excluded_tenants=busy)
            self._sending.update([job.tenant] if job else ())
        return job

    def _run(self, task: Callable[[], None]) -> None:
        while not self._stopping.wait(self._round_s):
            self._run_logged(task)

    def _run_logged(self, task: Callable[[], None]) -> None:
        try:
            task()
        except Exception:  # database, task queue or store unavailable; the next round retries
            log.exception("maintenance task %s failed", task.__name__)

    def _expire_leases(self) -> None:
        self._services.leases.expire_stale(self._services.settings.keep_days * DAY_S)

    def _requeue_lost(self) -> None:
        """Enqueue queued jobs again that the task queue has lost."""
        if self._services.task_queue is None:
            return
        never, earlier, queued = self._services.leases.find_unqueued(self._resend_s)
        depth = self._services.task_queue.depth() if never or earlier else None
        if depth is None:
            return
        lost = earlier if depth < queued else []  # otherwise the queue still has all messages
        for job_id in [*never, *lost]:
            self._services.enqueue(job_id)

    def _delete_unretained_uploads(self) -> None:
        """Delete uploads that must not be kept and that a lost worker has left behind."""
        retention = Job.options["retention"].as_string()
        left = select(Job.id, Job.upload, retention).where(
            Job.upload.is_not(None), Job.status.not_in(ACTIVE_STATUSES), retention != "keep"
        )
        with Session(self._services.engine) as session:
            rows = session.execute(left.limit(BATCH_ROWS)).all()
        expires_at = self._services.clock() + self._services.settings.zero_minutes * 60
        for job_id, upload, kept in rows:
            self._services.store.remove(upload)
            expiry = {"expires_at": expires_at} if kept == "zero" else {}
            update_one(
                self._services.engine,
                update(Job).where(Job.id == job_id).values(upload=None, **expiry),
            )

    def _delete_expired_jobs(self) -> None:
        """Delete jobs whose retention time is over, files first."""
        is_expired = Job.expires_at < self._services.clock()
        expired = select(Job.id, Job.tenant).where(is_expired, Job.status.not_in(ACTIVE_STATUSES))
        with Session(self._services.engine) as session:
            jobs = session.execute(expired.limit(BATCH_ROWS)).all()
        for job_id, tenant in jobs:
            self._services.store.remove(job_id)
            statement = delete(Job).where(Job.id == job_id, is_expired)
            event = Event(tenant, SYSTEM, Action.EXPIRE, job_id)
            change_one(self._services.engine, statement, event)
        if jobs:
            self._services.eraser.after_deletion()

    def _delete_orphans(self) -> None:
        """Delete files of killed processes: temporary files, and stored files without a job."""
        if time.monotonic() < self._next_sweep_s:
            return
        self._next_sweep_s = time.monotonic() + ORPHAN_SWEEP_S
        store = self._services.store
        store.purge_work_dir(DAY_S)
        with Session(self._services.engine) as session:
            orphans = [
                job_id for job_id in store.list_job_ids(DAY_S) if session.get(Job, job_id) is None
            ]
        for job_id in orphans:
            store.remove(job_id)
