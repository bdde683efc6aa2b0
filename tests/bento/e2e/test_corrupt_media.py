"""Corrupt media files through the complete service, with the real decoder and a real detector.

Runs a few files; ``UNMASK_BROKEN_FILES=500 pytest PATH_OF_THIS_FILE -s`` runs 500.
"""

import os
from collections import Counter

import pytest

from bento.sandbox.channel import CHILD_COMMAND
from tests.bento.fakes.corrupt_media import corrupt_files

pytestmark = pytest.mark.services

COUNT = int(os.environ.get("UNMASK_BROKEN_FILES", "24"))


@pytest.mark.slow
@pytest.mark.timeout(120 + 3 * COUNT)
def test_every_corrupt_file_ends_its_job_and_not_the_worker(
    make_service, running_worker, make_video, tmp_path, bundle_folder, monkeypatch
):
    monkeypatch.setenv("UNMASK_BUNDLE", str(bundle_folder))
    intact = [
        make_video(tmp_path / name, seconds=0.4).read_bytes()
        for name in ("a.mp4", "a.mkv", "a.mov")
    ]
    limits = dict.fromkeys(("max_queued", "max_queued_per_tenant", "submits_per_minute"), COUNT + 1)
    service = make_service(**limits, attempts=2)
    jobs = {}
    for name, content in corrupt_files(intact, COUNT):
        response = service.client.post(
            "/analyze-video",
            files={"file": (f"{name}.mp4", content)},
            data={"retention": "zero"},
        )
        jobs[name] = response.json()["job_id"]
    jobs["text"] = service.submit("x", retention="zero")
    with running_worker(service, own=True, command=CHILD_COMMAND):
        ended = {name: service.wait_for(job) for name, job in jobs.items()}
    outcomes = Counter(
        (job["status"], "crash" if "crashed on this file" in (job["error"] or "") else "")
        for job in ended.values()
    )
    retried = {name: job["error"] for name, job in ended.items() if job["attempts"] > 1}
    print(dict(outcomes), retried)
    assert {job["status"] for job in ended.values()} <= {"done", "failed"}
    assert sum(outcomes.values()) == COUNT + 1
    # a decoder may crash on such a file, but an exception of our own code is a bug
    assert not [name for name, job in ended.items() if "the analysis failed" in str(job)]
