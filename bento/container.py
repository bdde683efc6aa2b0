"""Composition root: the objects that service and worker share, built from the settings."""

from dataclasses import dataclass
from typing import Self

from sqlalchemy import Engine

from bento.db.engine import BUSY_TIMEOUT_S, create_migrated_engine
from bento.db.erasure import Eraser
from bento.db.functions import Clock, db_now
from bento.jobs.leases import LeaseManager
from bento.jobs.repository import JobRepository
from bento.jobs.task_queue import TaskQueue
from bento.security.file_modes import restrict_file_access
from bento.security.report_keys import ReportSigner
from bento.security.signing import load_signing_key
from bento.settings import ServiceSettings
from bento.storage.object_store import ObjectStore
from bento.webhooks.outbox import Outbox


@dataclass(frozen=True)
class Services:
    """Database, object store and task queue.

    Attributes:
        signing_key: Signs URLs and webhooks.
        task_queue: None if the worker polls the database.
        clock: Current time as an SQL expression.
    """

    settings: ServiceSettings
    signing_key: bytes
    engine: Engine
    eraser: Eraser
    jobs: JobRepository
    leases: LeaseManager
    outbox: Outbox
    store: ObjectStore
    task_queue: TaskQueue | None
    report_signer: ReportSigner
    clock: Clock = db_now

    @classmethod
    def from_settings(
        cls,
        settings: ServiceSettings,
        clock: Clock = db_now,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
    ) -> Self:
        """Connect to everything that ``settings`` configure; new files become private."""
        restrict_file_access(settings)
        engine = create_migrated_engine(settings, busy_timeout_s)
        key = load_signing_key(engine, settings)
        signer = ReportSigner.load(settings, engine)
        signer.publish(engine)
        eraser = Eraser(engine)
        return cls(
            settings,
            key,
            engine,
            eraser,
            JobRepository(engine, settings, eraser),
            LeaseManager(engine, settings.lease_s, settings.attempts, clock),
            Outbox(engine, settings.webhook_tries, clock),
            ObjectStore(settings, key),
            TaskQueue(settings.queue, settings.queue_name) if settings.queue else None,
            signer,
            clock,
        )

    def enqueue(self, job_id: str) -> None:
        """Enqueue a job if there is a task queue."""
        if self.task_queue is not None and self.task_queue.enqueue(job_id):
            self.jobs.mark_enqueued(job_id)
