"""Poisoned files, killed workers, lost messages: no job is lost, and none is done twice."""

import signal
import time
from contextlib import contextmanager

import psutil
import pytest

from bento.jobs.leases import LOST
from tests.factories import wait_until

pytestmark = pytest.mark.services


@pytest.mark.parametrize(
    ("text", "settings", "words", "attempts"),
    [
        ("crash", {"attempts": 2}, "broke down on this file (SIGSEGV)", 2),
        ("raise_error", {"attempts": 2}, "broke down (RuntimeError)", 2),
        ("busy_loop", {"job_cpu_s": 1}, "took more than", 1),
        ("sleep 60", {"job_wall_s": 1}, "took more than 1 s", 1),
        ("allocate", {"job_memory_mib": 150, "attempts": 1}, "150 MiB of memory", 1),
    ],
    ids=["crash", "error", "processor", "clock", "memory"],
)
def test_a_poisoned_file_fails_its_own_job_and_the_worker_goes_on(
    make_service, running_worker, text, settings, words, attempts
):
    service = make_service(**settings)
    with running_worker(service, own=True):
        poisoned, healthy = service.submit(text), service.submit("ok")
        job = service.wait_for(poisoned)
        assert (job["status"], job["attempts"]) == ("failed", attempts)
        assert words in job["error"]
        assert service.wait_for(healthy)["status"] == "done"


def begun(path):
    return path.read_text().split("\n")[:-1] if path.exists() else []


def test_a_worker_killed_in_the_middle_leaves_its_job_to_another(
    make_service, worker_process, tmp_path
):
    service = make_service(lease_s=1.0)
    settings = {"folder": service.services.settings.folder, "lease_s": 1.0, "poll_s": 0.05}
    seen = tmp_path / "begun"
    job = service.submit("sleep 3")
    first = worker_process(settings, SCRIPTED_CHILD_LOG=str(seen))
    wait_until(lambda: begun(seen))
    children = psutil.Process(first.pid).children()
    first.send_signal(signal.SIGKILL)
    first.wait()
    worker_process(settings, SCRIPTED_CHILD_LOG=str(seen))
    done = service.wait_for(job)
    assert (done["status"], done["attempts"]) == ("done", 2)
    assert begun(seen) == ["sleep 3"] * 2
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []  # what a killed worker leaves running would take the machine's memory


def test_a_worker_that_is_told_to_stop_gives_its_job_back_at_once(
    make_service, worker_process, tmp_path
):
    service = make_service()
    seen = tmp_path / "begun"
    job = service.submit("sleep 60")
    worker = worker_process(
        {"folder": service.services.settings.folder}, SCRIPTED_CHILD_LOG=str(seen)
    )
    wait_until(lambda: begun(seen))
    worker.terminate()
    assert worker.wait(timeout=60) == 0
    view = service.job(job)
    assert (view["status"], view["attempts"]) == ("queued", 0)


def test_a_file_that_takes_its_worker_with_it_every_time_is_given_up(make_service):
    service = make_service(lease_s=0.01, attempts=3)
    job = service.submit()
    for _ in range(3):
        assert service.services.leases.acquire(job)
        time.sleep(0.05)
        service.maintenance.run_once()
    view = service.job(job)
    assert (view["status"], view["error"]) == ("failed", LOST.format(attempts=3))


def test_a_worker_that_was_given_up_can_record_nothing_any_more(make_service):
    service = make_service(lease_s=0.01)
    leases, job = service.services.leases, service.submit()
    late = leases.acquire(job)
    time.sleep(0.05)
    service.maintenance.run_once()
    second = leases.acquire(job)
    assert not leases.heartbeat(late, "faces", 50.0)
    assert not leases.release(late)
    assert not leases.retry(late)
    assert leases.heartbeat(second, "faces", 10.0)
    assert service.job(job)["percent"] == 10.0


def test_a_worker_that_beats_is_not_given_up(make_service):
    service = make_service(lease_s=0.6)
    claim = service.services.leases.acquire(service.submit())
    for _ in range(4):
        time.sleep(0.2)
        assert service.services.leases.heartbeat(claim, "faces", 1.0)
        service.maintenance.run_once()
    assert service.job(claim.job.id)["status"] == "running"


def test_a_store_that_is_slow_loses_no_job(make_service, running_worker, monkeypatch):
    service = make_service(lease_s=0.3, attempts=2)
    with running_worker(service) as worker:
        fast = worker.store.local_copy

        @contextmanager
        def slow(key):
            time.sleep(1.0)
            with fast(key) as path:
                yield path

        monkeypatch.setattr(worker.store, "local_copy", slow)
        job_id = service.submit("ok")

        def ended_job():
            service.maintenance.run_once()
            return (job := service.job(job_id))["status"] in ("done", "failed") and job

        job = wait_until(ended_job)
    assert (job["status"], job["attempts"]) == ("done", 1)
