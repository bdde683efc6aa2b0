"""The task queue when the broker is unavailable; `e2e` tests it with a real one."""

import subprocess
import sys
import threading

from celery.signals import worker_ready, worker_shutting_down

from bento.jobs.task_queue import TaskQueue

# the signal comes while Celery starts: after the check and before Celery handles signals
STOPPED_AT_START = """
import threading
from celery.signals import worker_init
from bento.jobs.task_queue import TaskQueue

stopping = threading.Event()
worker_init.connect(lambda **_: stopping.set(), weak=False)
TaskQueue("memory://", "unmask").run_worker(print, stopping)
"""


def test_unavailable_broker_is_reported_and_not_raised(caplog):
    queue = TaskQueue("redis://127.0.0.1:1/0", "unmask")
    assert queue.enqueue("0" * 32) is False
    assert queue.depth() is None
    assert "task queue unavailable" in caplog.text


def test_worker_that_was_stopped_before_takes_no_job():
    queue, stopping, taken = TaskQueue("memory://", "unmask"), threading.Event(), []
    queue.enqueue("0" * 32)
    stopping.set()
    receivers = len(worker_ready.receivers), len(worker_shutting_down.receivers)
    queue.run_worker(taken.append, stopping)
    assert taken == []
    assert queue.depth() == 1
    assert (len(worker_ready.receivers), len(worker_shutting_down.receivers)) == receivers


def test_worker_that_is_stopped_while_celery_starts_ends():
    command = [sys.executable, "-c", STOPPED_AT_START]
    process = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert process.returncode == 0, process.stderr
