"""Figures of the running service: one job from submission to result, and jobs per second."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from socket import create_server
from statistics import median
from tempfile import TemporaryDirectory
from time import monotonic, perf_counter, sleep

import httpx

from scripts.bench_compare.arms import Arm, BenchError
from unmask.cli.load_generator import FINAL_STATUSES, LoadTest

START_S = 120.0
STOP_S = 60.0
POLL_S = 0.02
TIMEOUT_S = 300.0
SINGLE_JOBS = 5
CLIENTS = 20
SIZE = 1_000_000  # bytes of an upload


def job_figures(arm: Arm, clip: Path, jobs: int) -> Sequence[float]:
    """Return the seconds of one job in a warm service, and the jobs per second of a load test.

    Both commits get the same requests, from the load generator of this checkout.

    Args:
        clip: Video of 5 s; every upload differs in some bytes that players skip.
        jobs: Submissions of the load test.
    """
    with serving(arm) as url, httpx.Client(base_url=url, timeout=TIMEOUT_S) as client:
        content = clip.read_bytes()
        seconds = [_job_seconds(client, content, number) for number in range(SINGLE_JOBS + 1)]
        done = LoadTest(url, content, SIZE, None).run(jobs, CLIENTS)
        lost = done["lost"] + done["not_accepted"]
        if done["failed"] or lost:
            raise BenchError(f"{arm.name}: {done['failed']} jobs failed, {lost} were lost")
        return median(seconds[1:]), done["done_per_s"]  # the first loads the detector


@contextmanager
def serving(arm: Arm) -> Iterator[str]:
    """Run the service of a checkout with its detector; yield the address once it is ready.

    Raises:
        BenchError: It ends, or is not ready after ``START_S``.
    """
    with create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    command = ["-m", "bentoml", "serve", "bento.service:UnmaskService", "--port", f"{port}"]
    with TemporaryDirectory(prefix="unmask-bench-") as state:
        process = subprocess.Popen(
            [str(arm.python), *command, "--host", "127.0.0.1"],
            cwd=arm.folder,
            env=arm.environment({"UNMASK_BUNDLE": str(arm.bundle), "UNMASK_FOLDER": state}),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        url = f"http://127.0.0.1:{port}"
        try:
            _wait_until_ready(url, process, arm.name)
            yield url
        finally:
            process.terminate()
            process.wait(STOP_S)


def _wait_until_ready(url: str, process: "subprocess.Popen[bytes]", name: str) -> None:
    end = monotonic() + START_S
    while monotonic() < end and process.poll() is None:
        try:
            if httpx.get(f"{url}/readyz").is_success:
                return
        except httpx.TransportError:
            pass
        sleep(0.2)
    raise BenchError(f"{name}: the service did not start within {START_S:g} s")


def _job_seconds(client: httpx.Client, content: bytes, number: int) -> float:
    box = (24).to_bytes(4, "big") + b"free" + (2**64 + number).to_bytes(16, "big")
    start = perf_counter()
    submitted = client.post("/analyze-video", files={"file": ("talking.mp4", content + box)})
    submitted.raise_for_status()
    while perf_counter() - start < TIMEOUT_S:
        job = client.get(submitted.json()["status_url"]).json()
        if job["status"] in FINAL_STATUSES:
            break
        sleep(POLL_S)
    if job["status"] != "done":
        raise BenchError(f"a job of the service is {job['status']} after {TIMEOUT_S:g} s")
    return perf_counter() - start
