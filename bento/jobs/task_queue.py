"""The queue between machines: Celery over Redis, or whatever broker its address names.

A message is only the hint that a job waits. It may be lost or come twice; the table decides.
"""

import logging
import threading
from collections.abc import Callable

from celery import Celery
from celery.signals import worker_shutting_down
from kombu.exceptions import KombuError

TASK = "unmask.analyze"
PATIENCE_S = 2.0

log = logging.getLogger(__name__)


class TaskQueue:
    """Both ends of the queue.

    Args:
        queue: Its name; a broker may carry several.
    """

    def __init__(self, url: str, queue: str) -> None:
        self._queue = queue
        self.app = Celery("unmask", broker=url, set_as_current=False)
        patience = {"socket_timeout": 30, "socket_connect_timeout": PATIENCE_S}
        self.app.conf.update(
            task_default_queue=queue,
            task_acks_late=True,
            task_reject_on_worker_lost=True,
            task_ignore_result=True,
            worker_prefetch_multiplier=1,
            worker_hijack_root_logger=False,
            worker_send_task_events=False,
            worker_cancel_long_running_tasks_on_connection_loss=False,
            broker_connection_retry_on_startup=True,
            broker_connection_max_retries=None,
            broker_transport_options=patience if url.startswith("redis") else {},
        )

        connection = self.app.connection_for_write()
        # what a broker's client raises when the broker is away
        self._away: tuple[type[BaseException], ...] = (
            *(KombuError, OSError),
            *(*connection.connection_errors, *connection.channel_errors),
        )

    def enqueue(self, job_id: str) -> bool:
        """Tell the workers of a job; whether the broker took it."""
        try:
            self.app.send_task(TASK, args=[job_id], retry=False, ignore_result=True)
        except self._away as error:
            log.warning("the queue does not answer, the job waits in the table: %s", error)
            return False
        return True

    def depth(self) -> int | None:
        """How many messages wait; None where the broker does not say."""
        try:
            with self.app.connection_for_write(connect_timeout=PATIENCE_S) as connection:
                queue = self.app.amqp.queues[self._queue]
                # made where it is not there: an empty one is the same as none to Redis
                return int(queue(connection.default_channel).queue_declare().message_count)
        except self._away:
            return None

    def run_worker(self, take: Callable[[str], None], stopping: threading.Event) -> None:
        """Call ``take`` with every job the queue tells of, until a signal ends the process."""

        @self.app.task(name=TASK)
        def analyze(job_id: str) -> None:
            take(job_id)

        def stop(**_: object) -> None:
            stopping.set()  # the job at work is given back, not waited for

        worker_shutting_down.connect(stop)
        self.app.worker_main(
            [
                *("--quiet", "worker"),
                *("--pool", "solo", "--concurrency", "1", "--queues", self._queue),
                *("--loglevel", "WARNING"),
                *("--without-gossip", "--without-mingle", "--without-heartbeat"),
            ]
        )
