"""Broken files through the whole service, with the real decoder and a real detector.

A few in the suite; all 500 with ``UNMASK_BROKEN_FILES=500 pytest PATH_OF_THIS_FILE -s``.
"""

import os
import threading
from collections import Counter

import pytest

from bento.sandbox.runner import SandboxedAnalyzer
from bento.worker.job_runner import Worker
from tests.bento.fakes.corrupt_media import broken_files

pytestmark = pytest.mark.services

COUNT = int(os.environ.get("UNMASK_BROKEN_FILES", "24"))


@pytest.mark.slow
@pytest.mark.timeout(120 + 3 * COUNT)
def test_every_broken_file_ends_its_job_and_the_worker_lives(
    office, film, tmp_path, bundle_folder, monkeypatch
):
    monkeypatch.setenv("UNMASK_BUNDLE", str(bundle_folder))
    whole = [
        film(tmp_path / name, seconds=0.4).read_bytes() for name in ("a.mp4", "a.mkv", "a.mov")
    ]
    room = dict.fromkeys(("max_queued", "max_queued_per_tenant", "submits_per_minute"), COUNT + 1)
    desk = office(**room, attempts=2)
    parts = desk.parts
    examiner = SandboxedAnalyzer(parts.settings)
    worker = Worker(parts.settings, parts.claims, parts.store, examiner)
    jobs = {}
    for name, content in broken_files(whole, COUNT):
        told = desk.client.post(
            "/analyze-video",
            files={"file": (f"{name}.mp4", content)},
            data={"retention": "zero"},
        )
        jobs[name] = told.json()["job_id"]
    jobs["whole"] = desk.submit("x", retention="zero")
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        ended = {name: desk.until(job) for name, job in jobs.items()}
    finally:
        worker.stopping.set()
        thread.join()
        examiner.close()
    outcomes = Counter(
        (job["status"], "crash" if "broke down" in (job["error"] or "") else "")
        for job in ended.values()
    )
    print(
        dict(outcomes), {name: job["error"] for name, job in ended.items() if job["attempts"] > 1}
    )
    assert {job["status"] for job in ended.values()} <= {"done", "failed"}
    assert sum(outcomes.values()) == COUNT + 1
    # a decoder may die of such a file, but what our own code cannot bear is a fault of it
    assert not [name for name, job in ended.items() if "the analysis broke down" in str(job)]
