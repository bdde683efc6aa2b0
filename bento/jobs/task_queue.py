"""Task queue between machines: Celery over Redis or another broker.

A message is only a hint that a job is queued. It may be lost or delivered twice; the job table
decides.
"""

import logging
import threading
from collections.abc import Callable

from celery import Celery
from celery.signals import worker_ready, worker_shutting_down
from kombu.exceptions import KombuError

TASK = "unmask.analyze"
CONNECT_TIMEOUT_S = 2.0

log = logging.getLogger(__name__)


class TaskQueue:
    """Producer and consumer of the task queue.

    Args:
        queue: Name of the queue; a broker may hold several.
    """

    def __init__(self, url: str, queue: str) -> None:
        self._queue = queue
        self.app = Celery("unmask", broker=url, set_as_current=False)
        timeouts = {"socket_timeout": 30, "socket_connect_timeout": CONNECT_TIMEOUT_S}
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
            broker_transport_options=timeouts if url.startswith("redis") else {},
        )

        connection = self.app.connection_for_write()
        # exceptions of the broker's client when the broker is unavailable
        self._unavailable: tuple[type[BaseException], ...] = (
            *(KombuError, OSError),
            *(*connection.connection_errors, *connection.channel_errors),
        )

    def enqueue(self, job_id: str) -> bool:
        """Enqueue a job; return False if the broker is unavailable."""
        try:
            self.app.send_task(TASK, args=[job_id], retry=False, ignore_result=True)
        except self._unavailable as error:
            log.warning("task queue unavailable; the job stays queued in the database: %s", error)
            return False
        return True

    def depth(self) -> int | None:
        """Return the number of waiting messages; None if the broker is unavailable."""
        try:
            with self.app.connection_for_write(connect_timeout=CONNECT_TIMEOUT_S) as connection:
                queue = self.app.amqp.queues[self._queue]
                # creates the queue if missing; for Redis, a missing queue is an empty one
                return int(queue(connection.default_channel).queue_declare().message_count)
        except self._unavailable:
            return None

    def run_worker(self, run_job: Callable[[str], None], stopping: threading.Event) -> None:
        """Call ``run_job`` with the id of every enqueued job until a signal ends the process.

        Returns at once if ``stopping`` is set, as a signal may have come while the detector loaded.
        """
        if stopping.is_set():
            return
        from celery.worker import state

        @self.app.task(name=TASK)
        def analyze(job_id: str) -> None:
            run_job(job_id)

        def stop(**_: object) -> None:
            stopping.set()  # the current job is released, not finished

        def stop_if_told(**_: object) -> None:
            if stopping.is_set():  # before Celery handled signals
                state.should_stop = 0

        worker_shutting_down.connect(stop)
        worker_ready.connect(stop_if_told)
        self.app.worker_main(
            [
                *("--quiet", "worker"),
                *("--pool", "solo", "--concurrency", "1", "--queues", self._queue),
                *("--loglevel", "WARNING"),
                *("--without-gossip", "--without-mingle", "--without-heartbeat"),
            ]
        )
