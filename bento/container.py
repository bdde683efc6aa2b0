"""What service and worker are put together from, by the same settings."""

from dataclasses import dataclass
from typing import Self

from sqlalchemy import Engine

from bento.db.engine import connect
from bento.jobs.leases import Claims
from bento.jobs.repository import Ledger
from bento.jobs.task_queue import Broker
from bento.security.signing import signing_key
from bento.settings import ServiceSettings
from bento.storage.object_store import Store
from bento.webhooks.outbox import Outbox


@dataclass(frozen=True)
class Parts:
    """Table, files and queue.

    Attributes:
        signing_key: Signs links and webhooks.
        broker: None where the worker reads the table itself.
    """

    settings: ServiceSettings
    signing_key: bytes
    engine: Engine
    ledger: Ledger
    claims: Claims
    outbox: Outbox
    store: Store
    broker: Broker | None

    @classmethod
    def from_settings(cls, settings: ServiceSettings) -> Self:
        """Connect to everything that ``settings`` name."""
        engine = connect(settings)
        key = signing_key(engine, settings)
        return cls(
            settings,
            key,
            engine,
            Ledger(engine, settings.max_queued, settings.max_queued_per_tenant),
            Claims(engine, settings.lease_s, settings.attempts),
            Outbox(engine, settings.webhook_tries),
            Store(settings, key),
            Broker(settings.queue, settings.queue_name) if settings.queue else None,
        )

    def send(self, job_id: str) -> None:
        """Tell the queue of a job, where there is one."""
        if self.broker is not None and self.broker.send(job_id):
            self.ledger.sent(job_id)
