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
        broker: None where the worker reads the table itself.
    """

    settings: ServiceSettings
    signing_key: bytes
    engine: Engine
    ledger: JobRepository
    claims: LeaseManager
    outbox: Outbox
    store: ObjectStore
    broker: TaskQueue | None

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
        if self.broker is not None and self.broker.enqueue(job_id):
            self.ledger.mark_enqueued(job_id)
