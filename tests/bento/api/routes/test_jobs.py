"""A job's way from upload to result, with a worker whose detector does what the file says."""

import sys
import threading
import time

import pytest

from bento.sandbox.runner import SandboxedAnalyzer
from bento.worker.job_runner import Worker

NOBODY = "0" * 32
NO_DETECTOR = b'{"broken": "bundle: damaged"}\n'  # as a child says that it has none


def test_a_submitted_video_becomes_a_result(office, working):
    desk = office()
    with working(desk):
        job = desk.until(desk.submit("ok", name="clip – ü.mp4"))
    assert (job["status"], job["verdict"], job["percent"]) == ("done", "fake", 100.0)
    assert job["result"]["media"]["file"] == "clip – ü.mp4"
    assert job["created_at"] <= job["started_at"] <= job["finished_at"] < job["expires_at"]
    assert (job["attempts"], job["cached"], job["queue_position"]) == (1, False, None)


def test_a_file_that_cannot_be_read_fails_with_the_librarys_words(office, working):
    desk = office()
    with working(desk):
        job = desk.until(desk.submit("refuse is no film", name="b.mp4"))
    assert (job["status"], job["error"]) == ("failed", "b.mp4: is no film")
    assert job["result"] is None


def test_jobs_wait_in_the_order_they_came(office):
    desk = office()
    jobs = [desk.submit(str(number)) for number in range(3)]
    assert [desk.job(job)["queue_position"] for job in jobs] == [1, 2, 3]
    assert {desk.job(job)["status"] for job in jobs} == {"queued"}


@pytest.mark.parametrize("path", ["", "/events", "/report.json", "/report.pdf"])
def test_a_job_that_is_not_there_is_not_found(office, path):
    answer = office().client.get(f"/jobs/{NOBODY}{path}")
    assert (answer.status_code, answer.json()) == (
        404,
        {"error": "there is no such job; GET /jobs lists yours"},
    )


def test_a_running_job_tells_its_stage_and_percent(office, working):
    desk = office()
    with working(desk):
        running = desk.submit("sleep 2")
        end = time.monotonic() + 20
        while (job := desk.job(running))["stage"] != "faces" and time.monotonic() < end:
            time.sleep(0.05)
        assert (job["status"], job["percent"]) == ("running", 40.0)
        assert desk.until(running)["status"] == "done"


def test_while_no_detector_can_be_loaded_a_job_waits_and_says_so(
    office, working, monkeypatch, caplog
):
    monkeypatch.setattr("bento.worker.job_runner.NO_DETECTOR_PAUSE_S", 0)
    desk = office()
    waiting = desk.submit("ok")
    parts = desk.parts
    child = (sys.executable, "-c", f"import os, sys; os.write(int(sys.argv[1]), {NO_DETECTOR})")
    examiner = SandboxedAnalyzer(parts.settings, child)
    Worker(parts.settings, parts.claims, parts.store, examiner).run_job(waiting)
    assert "bundle: damaged" in caplog.text
    job = desk.job(waiting)
    assert (job["status"], job["stage"], job["attempts"]) == ("queued", "no_detector", 0)
    with working(desk):
        assert desk.until(waiting)["status"] == "done"


def test_what_waits_survives_the_service_and_its_worker(office, working):
    first = office()
    waiting = first.submit("ok")
    first.parts.engine.dispose()
    second = office()
    with working(second):
        assert second.until(waiting)["status"] == "done"


def test_the_upload_goes_when_asked_and_the_result_stays(office, working):
    desk = office()
    with working(desk):
        job = desk.until(desk.submit("ok", retention="delete_upload"))
    assert (job["status"], job["video_url"]) == ("done", None)
    assert not desk.parts.store.exists(f"{job['job_id']}/upload")
    assert desk.client.get(f"/jobs/{job['job_id']}/video").status_code == 404


def test_the_upload_is_given_in_parts_and_a_part_that_is_none_is_refused_like_all_else(office):
    desk = office()
    address = desk.job(desk.submit("ok"))["video_url"]
    video = desk.client.get(address, headers={"Range": "bytes=1-"})
    assert (video.status_code, video.content) == (206, b"k")
    for asked, status in (("bytes=5-", 416), ("bytes=x", 400)):
        answer = desk.client.get(address, headers={"Range": asked})
        assert (answer.status_code, set(answer.json())) == (status, {"error"})
        assert answer.headers.get("Content-Range") == ("bytes */2" if status == 416 else None)


def test_two_workers_never_do_one_job_twice(office, working, tmp_path, monkeypatch):
    monkeypatch.setenv("BEGUN", str(tmp_path / "begun"))
    desk = office()
    jobs = [desk.submit(f"job {number}") for number in range(20)]
    with working(desk, own=True), working(desk, own=True):
        assert {desk.until(job)["status"] for job in jobs} == {"done"}
    begun = (tmp_path / "begun").read_text().split("\n")[:-1]
    assert sorted(begun) == sorted(f"job {number}" for number in range(20))


def test_of_many_who_claim_a_job_at_once_one_gets_it(office):
    desk = office()
    job = desk.submit()
    won = []
    ready = threading.Barrier(8)

    def claim():
        ready.wait()
        won.append(desk.parts.claims.claim(job))

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [claim is not None for claim in won].count(True) == 1
