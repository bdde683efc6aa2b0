"""Submit a video to the service, wait for the job and print the verdict.

    .venv/bin/python examples/http_client.py CLIP [SERVICE_URL]

The service (`make serve`) is expected at http://localhost:3000. Where it needs an API key, set
UNMASK_API_KEY.
"""

import hashlib
import os
import sys
import time
from pathlib import Path
from typing import Any

import httpx

POLL_S = 0.5
ENDED = ("done", "failed", "cancelled")


def submit(client: httpx.Client, clip: Path) -> str:
    """Return the job's id.

    The Idempotency-Key makes a repeated request return the same job, so that a submission can be
    retried safely. A 429 is retried after the pause that the service asks for.
    """
    key = hashlib.sha256(clip.read_bytes()).hexdigest()
    while True:
        with clip.open("rb") as stream:
            response = client.post(
                "/analyze-video",
                files={"file": (clip.name, stream)},
                headers={"Idempotency-Key": key},
            )
        if response.status_code != httpx.codes.TOO_MANY_REQUESTS:
            response.raise_for_status()
            return str(response.json()["job_id"])
        time.sleep(float(response.headers["Retry-After"]))


def wait_for_result(client: httpx.Client, job_id: str) -> dict[str, Any]:
    """Poll the job until it has ended, and return it."""
    while True:
        response = client.get(f"/jobs/{job_id}")
        response.raise_for_status()
        job: dict[str, Any] = response.json()
        if job["status"] in ENDED:
            return job
        print(f"{job['stage'] or job['status']} {job['percent']:.0f} %", file=sys.stderr)
        time.sleep(POLL_S)


def main(arguments: list[str]) -> int:
    """Return the exit code: 0, 1 for wrong usage, 2 where the service refused or the job failed."""
    if len(arguments) not in (1, 2):
        print(__doc__, file=sys.stderr)
        return 1
    url = arguments[1] if len(arguments) == 2 else "http://localhost:3000"
    api_key = os.environ.get("UNMASK_API_KEY")
    headers = {"X-API-Key": api_key} if api_key else {}
    with httpx.Client(base_url=url, headers=headers, timeout=60) as client:
        try:
            job = wait_for_result(client, submit(client, Path(arguments[0])))
        except httpx.HTTPStatusError as error:
            print(error.response.json()["detail"], file=sys.stderr)
            return 2
    if job["status"] != "done":
        print(f"{job['status']}: {job['error']}", file=sys.stderr)
        return 2
    result = job["result"]
    print(f"{result['verdict']}: {result['reason'] or result['fake_probability']}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
