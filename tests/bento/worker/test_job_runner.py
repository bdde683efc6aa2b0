"""Running jobs: progress, restarts, concurrent workers, cached results."""

import sys
from contextlib import contextmanager

from sqlalchemy import update

from bento.db.models import Job
from bento.db.transactions import transaction
from bento.sandbox.protocol import Failure
from bento.sandbox.runner import SandboxedAnalyzer
from bento.worker.job_runner import Worker
from tests.factories import wait_until

NO_DETECTOR = Failure(kind="no_detector", message="bundle: damaged").to_line()


def test_running_job_shows_stage_and_percent(make_service, running_worker, tmp_path):
    service, finish = make_service(), tmp_path / "finish"
    with running_worker(service):
        running = service.submit(f"wait_for {finish}")
        job = wait_until(lambda: (job := service.job(running))["stage"] == "faces" and job)
        assert (job["status"], job["percent"]) == ("running", 40.0)
        finish.touch()
        assert service.wait_for(running)["status"] == "done"


def test_job_waits_while_no_detector_can_be_loaded(make_service, running_worker, caplog):
    service = make_service()
    waiting, services = service.submit(), service.services
    child = (sys.executable, "-c", f"import os, sys; os.write(int(sys.argv[1]), {NO_DETECTOR})")
    analyzer = SandboxedAnalyzer(services.settings, child)
    worker = Worker(services.settings, services.leases, services.store, analyzer, 0.0)
    worker.run_queued(waiting)
    assert "bundle: damaged" in caplog.text
    job = service.job(waiting)
    assert (job["status"], job["stage"], job["attempts"]) == ("queued", "no_detector", 0)
    with running_worker(service):
        assert service.wait_for(waiting)["status"] == "done"


def test_queued_jobs_survive_a_restart(make_service, running_worker):
    first = make_service()
    waiting = first.submit()
    first.services.engine.dispose()
    second = make_service()
    with running_worker(second):
        assert second.wait_for(waiting)["status"] == "done"


def test_two_workers_run_each_job_once(make_service, running_worker, tmp_path, monkeypatch):
    log = tmp_path / "log"
    monkeypatch.setenv("PYTHON_CHILD_LOG", str(log))
    service = make_service()
    jobs = [service.submit(f"job {number}") for number in range(20)]
    with running_worker(service, own=True), running_worker(service, own=True):
        assert {service.wait_for(job)["status"] for job in jobs} == {"done"}
    assert sorted(log.read_text().splitlines()) == sorted(f"job {number}" for number in range(20))


def test_lease_is_renewed_while_a_slow_store_delivers_the_upload(
    make_service, running_worker, monkeypatch
):
    service, renewed = make_service(lease_s=1.0), []
    with running_worker(service) as worker:
        renew, local_copy = worker.leases.renew, worker.store.local_copy

        @contextmanager
        def slow_copy(key):
            wait_until(lambda: renewed.count(True) >= 2)
            with local_copy(key) as path:
                yield path

        monkeypatch.setattr(worker.leases, "renew", lambda lease: renewed.append(renew(lease)))
        monkeypatch.setattr(worker.store, "local_copy", slow_copy)
        job = service.wait_for(service.submit())
    assert (job["status"], job["attempts"]) == ("done", 1)
    assert all(renewed)


def test_cached_result_of_another_schema_is_not_reused(make_service, running_worker):
    service = make_service()
    with running_worker(service):
        first = service.wait_for(service.submit("video"))
        assert service.wait_for(service.submit("video"))["cached"]
        with transaction(service.services.engine) as session:
            session.execute(update(Job).values(result={"verdict": "fake"}))
        again = service.wait_for(service.submit("video"))
    assert (again["status"], again["cached"]) == ("done", False)
    assert again["result"]["verdict"] == first["result"]["verdict"]


def test_result_of_zero_retention_is_neither_cached_nor_illustrated(make_service, running_worker):
    service = make_service()
    with running_worker(service):
        first = service.wait_for(service.submit("video", retention="zero"))
        again = service.wait_for(service.submit("video"))
    assert first["evidence"] == []
    assert not again["cached"]


def test_a_reused_report_names_no_images_with_zero_retention(make_service, running_worker):
    service = make_service()
    with running_worker(service):
        first = service.wait_for(service.submit("provenance"))
        again = service.wait_for(service.submit("provenance", retention="zero"))
    thumbnails = [
        job["result"]["provenance"]["credentials"]["ingredients"][0]["thumbnail"]
        for job in (first, again)
    ]
    assert again["cached"]
    assert thumbnails == ["frame-1.png", None]
