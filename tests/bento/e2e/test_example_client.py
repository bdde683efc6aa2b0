"""The example client against a service that listens on a port."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bento.security.api_keys import create_key

SCRIPT = Path(__file__).resolve().parents[3] / "examples/http_client.py"


@pytest.fixture
def clip(tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_text("ok")
    return path


def run(clip, url, **variables):
    command = [sys.executable, str(SCRIPT), str(clip), url]
    environment = {**os.environ, **variables}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_it_prints_the_verdict_of_the_job(make_service, running_worker, live_server, clip):
    service = make_service()
    with running_worker(service):
        result = run(clip, live_server(service))
    assert result.returncode == 0, result.stderr
    (job,) = service.client.get("/jobs").json()["jobs"]
    report = service.job(job["job_id"])["result"]
    assert result.stdout == f"{report['verdict']}: {report['fake_probability']}\n"


def test_a_second_submission_of_the_file_returns_the_same_job(
    make_service, running_worker, live_server, clip
):
    service = make_service()
    url = live_server(service)
    with running_worker(service):
        assert [run(clip, url).returncode for _ in range(2)] == [0, 0]
    assert len(service.client.get("/jobs").json()["jobs"]) == 1


def test_a_service_with_api_keys_refuses_in_one_line(make_service, live_server, clip, tmp_path):
    keys = tmp_path / "keys"
    create_key(keys, "anna")
    result = run(clip, live_server(make_service(api_keys_file=keys)))
    assert result.returncode == 2
    assert "API key" in result.stderr
