"""Crashing analyses and killed workers: no job is lost, and none runs twice."""

import signal

import psutil
import pytest

from tests.factories import wait_until

pytestmark = pytest.mark.services


@pytest.mark.parametrize(
    ("text", "settings", "message", "attempts"),
    [
        ("crash", {"attempts": 2}, "crashed on this file (SIGSEGV)", 2),
        ("raise_error", {"attempts": 2}, "the analysis failed (RuntimeError)", 2),
        ("busy_loop", {"job_cpu_s": 1}, "1 s of CPU time", 1),
        ("sleep 60", {"job_wall_s": 1}, "exceeded 1 s", 1),
        ("allocate", {"job_memory_mib": 150, "attempts": 1}, "150 MiB of memory", 1),
    ],
    ids=["crash", "error", "cpu_time", "wall_time", "memory"],
)
def test_crashing_file_fails_only_its_own_job(
    make_service, running_worker, text, settings, message, attempts
):
    service = make_service(**settings)
    with running_worker(service, own=True):
        crashing, healthy = service.submit(text), service.submit("ok")
        job = service.wait_for(crashing)
        assert (job["status"], job["attempts"]) == ("failed", attempts)
        assert message in job["error"]
        assert service.wait_for(healthy)["status"] == "done"


def started_tasks(log):
    return log.read_text().splitlines() if log.exists() else []


def test_job_of_a_killed_worker_is_finished_by_another(make_service, worker_process, tmp_path):
    service = make_service()
    settings = {"folder": service.services.settings.folder, "poll_s": 0.05}
    log, finish = tmp_path / "log", tmp_path / "finish"
    text = f"wait_for {finish}"
    job = service.submit(text)
    # only this lease is short, so that it alone expires
    first = worker_process({**settings, "lease_s": 5.0}, PYTHON_CHILD_LOG=str(log))
    wait_until(lambda: started_tasks(log))
    children = psutil.Process(first.pid).children()
    first.send_signal(signal.SIGKILL)
    first.wait()
    finish.touch()
    worker_process(settings, PYTHON_CHILD_LOG=str(log))
    view = service.wait_for(job)
    assert (view["status"], view["attempts"]) == ("done", 2)
    assert started_tasks(log) == [text] * 2
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []  # the child process of a killed worker exits


def test_terminated_worker_releases_its_job_at_once(make_service, worker_process, tmp_path):
    service = make_service()
    log = tmp_path / "log"
    job = service.submit("sleep 60")
    worker = worker_process({"folder": service.services.settings.folder}, PYTHON_CHILD_LOG=str(log))
    wait_until(lambda: started_tasks(log))
    worker.terminate()
    assert worker.wait(timeout=60) == 0
    view = service.job(job)
    assert (view["status"], view["attempts"]) == ("queued", 0)
