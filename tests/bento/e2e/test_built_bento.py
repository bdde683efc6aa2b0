"""`bentoml build` and `bentoml serve` of the built Bento: one machine, and several."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest

from bento.paths import ROOT
from tests.bento.servers import bentoml_serve
from tests.factories import wait_until

pytestmark = pytest.mark.services

BENTOML = (sys.executable, "-m", "bentoml")


@pytest.fixture(scope="module")
def built(bundle_folder, tmp_path_factory):
    """A Bento built from a checkout with a champion."""
    checkout, home = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("bentoml")
    for name in ("bento", "src"):
        ignored = shutil.ignore_patterns("__pycache__", "bundle")
        shutil.copytree(ROOT / name, checkout / name, ignore=ignored)
    for name in ("pyproject.toml", "requirements.lock", "params.yaml"):
        shutil.copy(ROOT / name, checkout)
    shutil.copytree(bundle_folder, checkout / "bento" / "bundle")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENTOML_HOME", str(home))
        subprocess.run([*BENTOML, "build"], cwd=checkout, check=True)
        shutil.rmtree(checkout)  # the Bento must not need it
        yield home


def submit(base, video):
    with video.open("rb") as file:
        response = httpx.post(f"{base}/analyze-video", files={"file": (video.name, file)})
    assert response.status_code == 202, response.text
    return f"{base}{response.json()['status_url']}"


def wait_for(address, *statuses):
    return wait_until(
        lambda: (job := httpx.get(address).json())["status"] in statuses and job, interval_s=0.2
    )


def metrics(base):
    lines = httpx.get(f"{base}/metrics").text.splitlines()
    samples = (line.rsplit(" ", 1) for line in lines if line.startswith("unmask_"))
    return {name: float(value) for name, value in samples}


def worker_of(process):
    """Return the embedded worker of a service."""
    children = psutil.Process(process.pid).children(recursive=True)
    return next(child for child in children if "bento.worker" in child.cmdline())


def test_built_bento_serves_frontend_api_and_a_worker_that_is_restarted(
    built, make_video, tmp_path
):
    video = make_video(tmp_path / "talk.mp4", seconds=3.0)
    folder = tmp_path / "service"
    with bentoml_serve("unmask:latest", tmp_path, UNMASK_FOLDER=folder) as (base, process):
        assert "<title>" in httpx.get(f"{base}/", follow_redirects=True).text
        first = worker_of(process)
        address = submit(base, video)
        wait_for(address, "running", "done")
        first.kill()
        job = wait_for(address, "done", "failed")
        assert job["status"] == "done", job
        assert worker_of(process).pid != first.pid
        samples = metrics(base)
        assert samples['unmask_jobs_ended_total{outcome="done"}'] == 1
        assert samples["unmask_queue_length"] == 0
        assert samples['unmask_job_stage_seconds_sum{stage="decode"}'] > 0
        assert job["job_id"] not in httpx.get(f"{base}/metrics").text
        assert "path not found" in httpx.get(f"{base}/nothing").json()["error"]
        other = {"Host": "elsewhere.example"}
        assert httpx.get(f"{base}/metrics", headers=other).status_code == 403
        assert httpx.get(f"{base}/metrics").headers["X-Content-Type-Options"] == "nosniff"
        image = httpx.get(f"{base}{job['evidence'][0]['url']}")
        assert image.content.startswith(b"\x89PNG")


def test_port_is_free_after_the_supervisor_is_killed(built, tmp_path):
    folder = tmp_path / "service"
    with bentoml_serve("unmask:latest", tmp_path, UNMASK_FOLDER=folder) as (base, process):
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        _, alive = psutil.wait_procs(children, timeout=30)
        assert alive == []
        with socket.create_server(("127.0.0.1", int(base.rsplit(":", 1)[1]))):
            pass


def test_built_bentos_share_queue_database_and_store(
    built, make_video, tmp_path, redis, database, s3_endpoint
):
    video = make_video(tmp_path / "talk.mp4", seconds=2.0)
    shared = {
        "UNMASK_QUEUE": f"redis://127.0.0.1:{redis.port}/0",
        "UNMASK_DATABASE": database,
        "UNMASK_STORAGE": "s3://kept/fleet",
        "AWS_ENDPOINT_URL": s3_endpoint,
    }
    output = subprocess.run(
        [*BENTOML, "get", "unmask:latest", "--output", "path"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    source_folder = Path(output.stdout.strip()) / "src"
    worker = subprocess.Popen(
        [sys.executable, "-m", "bento.worker"],
        cwd=source_folder,
        env={**os.environ, **shared, "UNMASK_FOLDER": str(tmp_path / "worker")},
    )
    try:
        folder = tmp_path / "service"
        with bentoml_serve("unmask:latest", tmp_path, UNMASK_FOLDER=folder, **shared) as (base, _):
            job = wait_for(submit(base, video), "done", "failed")
            assert job["status"] == "done", job
            assert job["video_url"].startswith(s3_endpoint)
            assert httpx.get(job["video_url"]).content == video.read_bytes()
            assert httpx.get(job["evidence"][0]["url"]).content.startswith(b"\x89PNG")
            report = httpx.get(f"{base}/jobs/{job['job_id']}/report.pdf")
            assert report.content.startswith(b"%PDF")
            assert s3_endpoint in httpx.get(f"{base}/app/").headers["Content-Security-Policy"]
            assert metrics(base)['unmask_jobs_ended_total{outcome="done"}'] == 1
    finally:
        worker.terminate()
        worker.wait(60)
