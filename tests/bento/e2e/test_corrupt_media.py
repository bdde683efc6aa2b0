"""Corrupt media files through the complete service, with the real decoder and a real detector.

Runs a few files; `make soak` runs 10,000. A run that was interrupted resumes if
``UNMASK_SOAK_LOG`` names its log, which has one line of JSON per file.
"""

import json
import os
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

from bento.sandbox.channel import CHILD_COMMAND
from tests.bento.fakes.corrupt_media import KINDS, corrupt_files
from tests.bento.fakes.irregular_media import irregular_files
from tests.factories import wait_until

pytestmark = pytest.mark.services

COUNT = int(os.environ.get("UNMASK_BROKEN_FILES", "64"))
BATCH_FILES = 32
SEED = 4
DETECTOR_S = 600  # for loading it, on a machine that is busy


@pytest.mark.slow
@pytest.mark.timeout(300 + 3 * COUNT)
def test_every_corrupt_file_ends_its_job_and_not_the_worker(
    make_service, running_worker, make_video, tmp_path, bundle_folder, monkeypatch
):
    monkeypatch.setenv("UNMASK_BUNDLE", str(bundle_folder))
    log = Path(os.environ.get("UNMASK_SOAK_LOG") or tmp_path / "soak.jsonl")
    done = read_log(log)
    intact = irregular_files(tmp_path / "intact", make_video)
    limits = dict.fromkeys(("max_queued", "max_queued_per_tenant"), 2 * BATCH_FILES)
    service = make_service(
        **limits, submits_per_minute=10**6, requests_per_minute=10**7, attempts=2, job_wall_s=60.0
    )
    with running_worker(service, own=True, command=CHILD_COMMAND):
        text = service.submit("x", retention="zero")
        wait_until(lambda: service.job(text)["status"] == "failed", DETECTOR_S)
        files = corrupt_files(intact, COUNT, SEED, first=len(done))
        while batch := list(islice(files, BATCH_FILES)):
            jobs = {name: submit(service, name, content) for name, content in batch}
            done += [outcome(name, service.wait_for(job)) for name, job in jobs.items()]
            append_log(log, done[-len(jobs) :])
            if len(done) % (16 * BATCH_FILES) == 0:
                print(f"{len(done)} of {COUNT} files: {summarize(done)}", flush=True)
    print(summarize(done), Counter(row["error"] for row in done if row["crashed"]))
    assert len({row["name"] for row in done}) == COUNT
    assert {row["status"] for row in done} <= {"done", "failed"}
    assert not [row for row in done if row["hung"]]
    # a decoder may crash on such a file, but an exception of our own code is a bug
    assert not [row for row in done if "the analysis failed" in row["error"]]


def test_a_corrupt_file_follows_from_its_number_alone():
    intact = [bytes(range(256)) * 8, b"moov" * 300, b"another file" * 90]
    together = dict(corrupt_files(intact, 60))
    assert list(corrupt_files(intact, 60, first=41)) == list(together.items())[41:]
    assert {name.split("-")[1] for name in together} == {kind.__name__ for kind in KINDS}
    assert len(set(together.values())) > 55


def submit(service, name, content):
    response = service.client.post(
        "/analyze-video", files={"file": (f"{name}.mp4", content)}, data={"retention": "zero"}
    )
    assert response.status_code == 202, response.text
    return response.json()["job_id"]


def outcome(name, job):
    error = job["error"] or ""
    return {
        "name": name,
        "status": job["status"],
        "attempts": job["attempts"],
        "error": error,
        "crashed": "crashed on this file" in error,
        "hung": "exceeded" in error,
    }


def summarize(rows):
    counts = Counter(row["status"] for row in rows)
    counts |= {name: sum(row[name] for row in rows) for name in ("crashed", "hung")}
    return dict(counts)


def read_log(log):
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def append_log(log, rows):
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as stream:
        stream.writelines(json.dumps(row) + "\n" for row in rows)
