"""The worker process that the service starts."""

import signal
import sys

from bento.worker import embedded
from bento.worker.embedded import EmbeddedWorker
from tests.factories import wait_until

IGNORE_SIGTERM = """
import pathlib, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path(sys.argv[1]).touch()
time.sleep(600)
"""
APPEND_AND_EXIT = """
import sys
with open(sys.argv[1], "a") as log:
    log.write("started\\n")
"""


def test_worker_that_ignores_sigterm_is_killed(tmp_path):
    ready = tmp_path / "ready"
    command = (sys.executable, "-c", IGNORE_SIGTERM, str(ready))
    worker = EmbeddedWorker(command, stop_timeout_s=0.5)
    wait_until(ready.exists)
    assert worker.alive
    assert worker.stop() == -signal.SIGKILL
    assert not worker.alive


def test_worker_is_restarted_when_it_exits(tmp_path, monkeypatch):
    monkeypatch.setattr(embedded, "RESTART_INTERVAL_S", 0.05)
    log = tmp_path / "log"
    worker = EmbeddedWorker((sys.executable, "-c", APPEND_AND_EXIT, str(log)))
    try:
        wait_until(lambda: log.exists() and len(log.read_text().splitlines()) >= 2)
    finally:
        worker.stop()


def test_worker_is_not_restarted_once_the_service_is_told_to_stop(tmp_path, monkeypatch):
    monkeypatch.setattr(embedded, "RESTART_INTERVAL_S", 0.05)
    log = tmp_path / "log"
    worker = EmbeddedWorker((sys.executable, "-c", APPEND_AND_EXIT, str(log)))
    worker.disable_restart()
    try:
        wait_until(lambda: not worker.alive)
        starts = []
        monkeypatch.setattr(worker, "_start", lambda: starts.append(1))
        assert not worker._stopping.wait(0.5)  # ten intervals
        assert starts == []
    finally:
        worker.stop()
