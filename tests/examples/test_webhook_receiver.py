"""The example receiver accepts what the service signs, and nothing else."""

import json
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from bento.security.signing import sign_webhook

SCRIPT = Path(__file__).resolve().parents[2] / "examples/webhook_receiver.py"
SECRET = "tenant's secret"
BODY = json.dumps(
    {"event": "job.done", "file": "a.mp4", "verdict": "fake", "status_url": "/jobs/1"}
).encode()


@pytest.fixture
def receiver():
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), "0"],
        env={"UNMASK_WEBHOOK_SECRET": SECRET},
        stdout=subprocess.PIPE,
        text=True,
    )
    url = process.stdout.readline().split()[-1]
    yield url, process
    process.kill()
    process.wait()
    process.stdout.close()


def post(url, timestamp, signature, body=BODY):
    headers = {"Unmask-Timestamp": timestamp, "Unmask-Signature": signature}
    return httpx.post(url, content=body, headers=headers, trust_env=False).status_code


def test_a_signed_webhook_is_accepted_and_printed(receiver):
    url, process = receiver
    timestamp = str(int(time.time()))
    assert post(url, timestamp, sign_webhook(SECRET, timestamp, BODY)) == 204
    assert process.stdout.readline() == "job.done a.mp4 fake /jobs/1\n"


def test_a_changed_body_another_secret_and_a_replay_are_refused(receiver):
    url, _ = receiver
    now, old = str(int(time.time())), str(int(time.time()) - 3600)
    assert post(url, now, sign_webhook(SECRET, now, BODY), BODY + b" ") == 401
    assert post(url, now, sign_webhook("another", now, BODY)) == 401
    assert post(url, old, sign_webhook(SECRET, old, BODY)) == 401
    assert post(url, now, "v1=") == 401


def test_without_a_secret_it_explains_itself():
    result = subprocess.run(
        [sys.executable, str(SCRIPT)], env={}, capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert "UNMASK_WEBHOOK_SECRET" in result.stderr
