"""Poisoned files, killed workers, lost messages: no job is lost, and none is done twice."""

import signal
import time
from contextlib import contextmanager

import psutil
import pytest

from bento.jobs.leases import LOST

pytestmark = pytest.mark.services


@pytest.mark.parametrize(
    ("text", "settings", "words", "attempts"),
    [
        ("crash", {"attempts": 2}, "broke down on this file (SIGSEGV)", 2),
        ("confuse", {"attempts": 2}, "broke down (RuntimeError)", 2),
        ("spin", {"job_cpu_s": 1}, "took more than", 1),
        ("sleep 60", {"job_wall_s": 1}, "took more than 1 s", 1),
        ("hog", {"job_memory_mib": 150, "attempts": 1}, "150 MiB of memory", 1),
    ],
    ids=["crash", "error", "processor", "clock", "memory"],
)
def test_a_poisoned_file_fails_its_own_job_and_the_worker_goes_on(
    office, working, text, settings, words, attempts
):
    desk = office(**settings)
    with working(desk, own=True):
        poisoned, healthy = desk.submit(text), desk.submit("ok")
        job = desk.until(poisoned)
        assert (job["status"], job["attempts"]) == ("failed", attempts)
        assert words in job["error"]
        assert desk.until(healthy)["status"] == "done"


def begun(path):
    return path.read_text().split("\n")[:-1] if path.exists() else []


def wait(condition, seconds=150):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_worker_killed_in_the_middle_leaves_its_job_to_another(office, worker_process, tmp_path):
    desk = office(lease_s=1.0)
    settings = {"folder": desk.parts.settings.folder, "lease_s": 1.0, "poll_s": 0.05}
    seen = tmp_path / "begun"
    job = desk.submit("sleep 3")
    first = worker_process(settings, BEGUN=str(seen))
    wait(lambda: begun(seen))
    children = psutil.Process(first.pid).children()
    first.send_signal(signal.SIGKILL)
    first.wait()
    worker_process(settings, BEGUN=str(seen))
    done = desk.until(job)
    assert (done["status"], done["attempts"]) == ("done", 2)
    assert begun(seen) == ["sleep 3"] * 2
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []  # what a killed worker leaves running would take the machine's memory


def test_a_worker_that_is_told_to_stop_gives_its_job_back_at_once(office, worker_process, tmp_path):
    desk = office()
    seen = tmp_path / "begun"
    job = desk.submit("sleep 60")
    worker = worker_process({"folder": desk.parts.settings.folder}, BEGUN=str(seen))
    wait(lambda: begun(seen))
    worker.terminate()
    assert worker.wait(timeout=60) == 0
    view = desk.job(job)
    assert (view["status"], view["attempts"]) == ("queued", 0)


def test_a_file_that_takes_its_worker_with_it_every_time_is_given_up(office):
    desk = office(lease_s=0.01, attempts=3)
    job = desk.submit()
    for _ in range(3):
        assert desk.parts.claims.claim(job)
        time.sleep(0.05)
        desk.keeper.round()
    view = desk.job(job)
    assert (view["status"], view["error"]) == ("failed", LOST.format(attempts=3))


def test_a_worker_that_was_given_up_can_record_nothing_any_more(office):
    desk = office(lease_s=0.01)
    claims, job = desk.parts.claims, desk.submit()
    late = claims.claim(job)
    time.sleep(0.05)
    desk.keeper.round()
    second = claims.claim(job)
    assert not claims.beat(late, "faces", 50.0)
    assert not claims.release(late)
    assert not claims.retry(late)
    assert claims.beat(second, "faces", 10.0)
    assert desk.job(job)["percent"] == 10.0


def test_a_worker_that_beats_is_not_given_up(office):
    desk = office(lease_s=0.6)
    claim = desk.parts.claims.claim(desk.submit())
    for _ in range(4):
        time.sleep(0.2)
        assert desk.parts.claims.beat(claim, "faces", 1.0)
        desk.keeper.round()
    assert desk.job(claim.job.id)["status"] == "running"


def test_a_store_that_is_slow_loses_no_job(office, working, monkeypatch):
    desk = office(lease_s=0.3, attempts=2)
    with working(desk) as worker:
        fast = worker.store.here

        @contextmanager
        def slow(key):
            time.sleep(1.0)
            with fast(key) as path:
                yield path

        monkeypatch.setattr(worker.store, "here", slow)
        job_id = desk.submit("ok")
        end = time.monotonic() + 20
        while (job := desk.job(job_id))["status"] not in ("done", "failed"):
            desk.keeper.round()
            assert time.monotonic() < end
            time.sleep(0.05)
    assert (job["status"], job["attempts"]) == ("done", 1)
