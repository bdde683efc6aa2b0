"""The job runner: from a queued job to its result."""

import sys

from bento.sandbox.runner import SandboxedAnalyzer
from bento.worker.job_runner import Worker

NO_DETECTOR = b'{"broken": "bundle: damaged"}\n'  # message of a child that cannot load a detector


def test_submitted_video_becomes_a_result(make_service, running_worker):
    service = make_service()
    with running_worker(service):
        job = service.wait_for(service.submit("ok", name="clip – ü.mp4"))
    assert (job["status"], job["verdict"], job["percent"]) == ("done", "fake", 100.0)
    assert job["result"]["media"]["file"] == "clip – ü.mp4"
    assert job["created_at"] <= job["started_at"] <= job["finished_at"] < job["expires_at"]
    assert (job["attempts"], job["cached"], job["queue_position"]) == (1, False, None)


def test_unreadable_file_fails_with_the_librarys_message(make_service, running_worker):
    service = make_service()
    with running_worker(service):
        job = service.wait_for(service.submit("refuse is no film", name="b.mp4"))
    assert (job["status"], job["error"]) == ("failed", "b.mp4: is no film")
    assert job["result"] is None


def test_job_waits_while_no_detector_can_be_loaded(
    make_service, running_worker, monkeypatch, caplog
):
    monkeypatch.setattr("bento.worker.job_runner.NO_DETECTOR_PAUSE_S", 0)
    service = make_service()
    job_id = service.submit("ok")
    services = service.services
    child = (sys.executable, "-c", f"import os, sys; os.write(int(sys.argv[1]), {NO_DETECTOR})")
    analyzer = SandboxedAnalyzer(services.settings, child)
    Worker(services.settings, services.leases, services.store, analyzer).run_job(job_id)
    assert "bundle: damaged" in caplog.text
    job = service.job(job_id)
    assert (job["status"], job["stage"], job["attempts"]) == ("queued", "no_detector", 0)
    with running_worker(service):
        assert service.wait_for(job_id)["status"] == "done"


def test_queued_job_survives_a_restart_of_service_and_worker(make_service, running_worker):
    first = make_service()
    job_id = first.submit("ok")
    first.services.engine.dispose()
    second = make_service()
    with running_worker(second):
        assert second.wait_for(job_id)["status"] == "done"
