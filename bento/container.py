"""What service and worker are put together from, by the same settings."""

from dataclasses import dataclass
from typing import Self

from sqlalchemy import Engine

from bento.db.engine import create_migrated_engine
from bento.jobs.leases import LeaseManager
from bento.jobs.repository import JobRepository
from bento.jobs.task_queue import TaskQueue
from bento.security.signing import load_signing_key
from bento.settings import ServiceSettings
from bento.storage.object_store import ObjectStore
from bento.webhooks.outbox import Outbox


@dataclass(frozen=True)
class Services:
    """Table, files and queue.

    Attributes:
        signing_key: Signs links and webhooks.
        task_queue: None where the worker polls the table.
    """

    settings: ServiceSettings
    signing_key: bytes
    engine: Engine
    jobs: JobRepository
    leases: LeaseManager
    outbox: Outbox
    store: ObjectStore
    task_queue: TaskQueue | None

    @classmethod
    def from_settings(cls, settings: ServiceSettings) -> Self:
        """Connect to everything that ``settings`` name."""
        engine = create_migrated_engine(settings)
        key = load_signing_key(engine, settings)
        return cls(
            settings,
            key,
            engine,
            JobRepository(engine, settings.max_queued, settings.max_queued_per_tenant),
            LeaseManager(engine, settings.lease_s, settings.attempts),
            Outbox(engine, settings.webhook_tries),
            ObjectStore(settings, key),
            TaskQueue(settings.queue, settings.queue_name) if settings.queue else None,
        )

    def enqueue(self, job_id: str) -> None:
        """Tell the queue of a job, where there is one."""
        if self.task_queue is not None and self.task_queue.enqueue(job_id):
            self.jobs.mark_enqueued(job_id)
