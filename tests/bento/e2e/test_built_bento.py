"""`bentoml build`, and `bentoml serve` of what it built: on one machine, and as a fleet."""

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest

from bento.sandbox.channel import ROOT
from tests.bento.servers import PATIENCE_S, bentoml_serve

pytestmark = pytest.mark.services

BENTOML = (sys.executable, "-m", "bentoml")


@pytest.fixture(scope="module")
def built(bundle_folder, tmp_path_factory):
    """A checkout whose training has left a champion, packed by `bentoml build`."""
    checkout, home = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("bentoml")
    for name in ("bento", "src"):
        left_out = shutil.ignore_patterns("__pycache__", "bundle")
        shutil.copytree(ROOT / name, checkout / name, ignore=left_out)
    for name in ("pyproject.toml", "requirements.lock", "params.yaml"):
        shutil.copy(ROOT / name, checkout)
    shutil.copytree(bundle_folder, checkout / "bento" / "bundle")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENTOML_HOME", str(home))
        subprocess.run([*BENTOML, "build"], cwd=checkout, check=True)
        shutil.rmtree(checkout)  # nothing of it is needed any more
        yield home


def submitted(base, video):
    with video.open("rb") as file:
        answer = httpx.post(f"{base}/analyze-video", files={"file": (video.name, file)})
    assert answer.status_code == 202, answer.text
    return f"{base}{answer.json()['status_url']}"


def until(address, *statuses):
    end = time.monotonic() + PATIENCE_S
    while (job := httpx.get(address).json())["status"] not in statuses:
        assert time.monotonic() < end, job
        time.sleep(0.2)
    return job


def metrics(base):
    lines = httpx.get(f"{base}/metrics").text.splitlines()
    return dict(line.rsplit(" ", 1) for line in lines if line.startswith("unmask_"))


def worker_of(process):
    """The worker that a service has started."""
    below = psutil.Process(process.pid).children(recursive=True)
    return next(one for one in below if "bento.worker.job_runner" in one.cmdline())


def test_a_built_bento_gives_page_api_and_a_worker_that_is_replaced_when_it_dies(
    built, film, tmp_path
):
    video = film(tmp_path / "talk.mp4", seconds=3.0)
    folder = tmp_path / "service"
    with bentoml_serve("unmask:latest", tmp_path, UNMASK_FOLDER=folder) as (base, process):
        assert "<title>" in httpx.get(f"{base}/", follow_redirects=True).text
        first = worker_of(process)
        address = submitted(base, video)
        until(address, "running", "done")
        first.kill()
        job = until(address, "done", "failed")
        assert job["status"] == "done", job
        assert worker_of(process).pid != first.pid
        told = metrics(base)
        assert told['unmask_jobs_ended_total{outcome="done"}'] == "1"
        assert told["unmask_queue_length"] == "0"
        assert float(told['unmask_job_stage_seconds_sum{stage="decode"}']) > 0
        assert job["job_id"] not in httpx.get(f"{base}/metrics").text
        assert "no such path" in httpx.get(f"{base}/nothing").json()["error"]
        other = {"Host": "elsewhere.example"}
        assert httpx.get(f"{base}/metrics", headers=other).status_code == 403
        assert httpx.get(f"{base}/metrics").headers["X-Content-Type-Options"] == "nosniff"
        shown = httpx.get(f"{base}{job['evidence'][0]['url']}")
        assert shown.content.startswith(b"\x89PNG")


def test_nothing_holds_the_port_once_the_first_process_is_killed(built, tmp_path):
    folder = tmp_path / "service"
    with bentoml_serve("unmask:latest", tmp_path, UNMASK_FOLDER=folder) as (base, process):
        left = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        _, alive = psutil.wait_procs(left, timeout=30)
        assert alive == []
        with socket.create_server(("127.0.0.1", int(base.rsplit(":", 1)[1]))):
            pass


def test_a_fleet_of_built_bentos_shares_queue_database_and_store(
    built, film, tmp_path, redis, database, s3
):
    video = film(tmp_path / "talk.mp4", seconds=2.0)
    shared = {
        "UNMASK_QUEUE": f"redis://127.0.0.1:{redis.port}/0",
        "UNMASK_DATABASE": database,
        "UNMASK_STORAGE": "s3://kept/fleet",
        "AWS_ENDPOINT_URL": s3,
    }
    found = subprocess.run(
        [*BENTOML, "get", "unmask:latest", "--output", "path"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    packed = Path(found.stdout.strip()) / "src"
    worker = subprocess.Popen(
        [sys.executable, "-m", "bento.worker.job_runner"],
        cwd=packed,
        env={**os.environ, **shared, "UNMASK_FOLDER": str(tmp_path / "worker")},
    )
    try:
        folder = tmp_path / "service"
        with bentoml_serve("unmask:latest", tmp_path, UNMASK_FOLDER=folder, **shared) as (base, _):
            job = until(submitted(base, video), "done", "failed")
            assert job["status"] == "done", job
            assert job["video_url"].startswith(s3)
            assert httpx.get(job["video_url"]).content == video.read_bytes()
            assert httpx.get(job["evidence"][0]["url"]).content.startswith(b"\x89PNG")
            report = httpx.get(f"{base}/jobs/{job['job_id']}/report.pdf")
            assert report.content.startswith(b"%PDF")
            assert s3 in httpx.get(f"{base}/app").headers["Content-Security-Policy"]
            assert metrics(base)['unmask_jobs_ended_total{outcome="done"}'] == "1"
    finally:
        worker.terminate()
        worker.wait(60)
