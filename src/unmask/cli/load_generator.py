"""Load generator for a running service: submissions and polling."""

import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from math import inf
from typing import Any
from urllib.parse import urlsplit

from unmask.cli.load_schedule import UNPACED, Pace
from unmask.cli.process_memory import MIB, ProcessMemoryMonitor, server_memory
from unmask.errors import ConfigError
from unmask.optional_deps import require

FINAL_STATUSES = ("done", "failed", "cancelled")
POLL_INTERVAL_S = 0.25
RETRY_INTERVAL_S = 5.0  # after a status request that failed
MAX_FAILED_POLLS = 60  # in a row, after which a job counts as lost
TOO_MANY_REQUESTS = 429
NOT_FOUND = 404
TIMEOUT_S = 120

Job = dict[str, Any]


@dataclass
class LoadTest:
    """Load test of one service.

    Attributes:
        url: Base URL of the service.
        content: Video that every submission is made from.
        size_bytes: Uploads are padded to this size.
        key: API key; ``None`` for a service without keys.
        submit_s: Latency of every accepted submission in seconds.
        status_s: Latency of every status request in seconds.
        accepted_at: Time of every accepted submission, on the monotonic clock.
        retries: Number of submissions that were rejected with status 429 and sent again.
        errors: Number of requests that failed, by status or kind of error.
        behind_s: How much later than its turn a submission was sent at most; beyond some
            milliseconds, all clients were waiting for their jobs.
    """

    url: str
    content: bytes
    size_bytes: int
    key: str | None
    submit_s: list[float] = field(default_factory=list)
    status_s: list[float] = field(default_factory=list)
    accepted_at: list[float] = field(default_factory=list)
    retries: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    behind_s: float = 0.0

    def run(self, jobs: int, clients: int, pace: Pace = UNPACED) -> dict[str, Any]:
        """Submit ``jobs`` videos from ``clients`` threads, wait for the results, and count.

        A request that fails is counted and does not end the test, except each client's first.

        Raises:
            ConfigError: The service cannot be reached or refuses the key.
        """
        clients = min(clients, jobs)
        monitor = ProcessMemoryMonitor(
            partial(server_memory, urlsplit(self.url).port or 80),
            lambda: len(self.accepted_at),
            pace.sampling_interval_s,
            pace.memory_csv,
        )
        with ExitStack() as stack:
            sessions = [stack.enter_context(self._session()) for _ in range(clients)]
            pool = stack.enter_context(ThreadPoolExecutor(clients))
            stack.enter_context(monitor)
            numbers = [range(first, jobs, clients) for first in range(clients)]
            # connections and first requests are made before the clock starts
            list(pool.map(_connect, sessions))
            requests = list(pool.map(self._build_request, sessions, range(clients)))
            start = time.monotonic()
            turns = [[start + n * pace.interval_s for n in each] for each in numbers]
            finished = list(chain(*pool.map(self._run_client, sessions, requests, numbers, turns)))
            elapsed_s = time.monotonic() - start
        known = [job for job in finished if job]
        accepted = len(self.accepted_at)
        return {
            "jobs": jobs,
            "clients": clients,
            "upload_mib": round(len(self._upload(0)) / MIB, 2),
            "seconds": round(elapsed_s, 1),
            "accepted_per_s": round(accepted / (max(self.accepted_at, default=inf) - start), 2),
            "done_per_s": round(len(known) / elapsed_s, 2),
            "max_behind_s": round(self.behind_s, 1),
            "submit_ms": latency_quantiles_ms(self.submit_s),
            "status_ms": latency_quantiles_ms(self.status_s),
            "status_calls": len(self.status_s),
            "retries_429": self.retries,
            "errors": dict(self.errors),
            "not_accepted": jobs - accepted,
            "lost": accepted - len({job["job_id"] for job in known}),
            "failed": sum(job["status"] != "done" for job in known),
            "duplicate_runs": sum(job["attempts"] > 1 for job in known),
            "memory_mib": monitor.summary(),
        }

    def _session(self) -> Any:
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        httpx = require("httpx", extra="service")
        return httpx.Client(base_url=self.url, headers=headers, timeout=TIMEOUT_S)

    def _run_client(
        self, session: Any, first: Any, numbers: Sequence[int], turns: Sequence[float]
    ) -> list[Job | None]:
        """Submit one request after the other, each at its turn and when the job before ended."""
        others = (self._build_request(session, number) for number in numbers[1:])
        jobs = []
        for request, turn in zip(chain((first,), others), turns, strict=True):
            time.sleep(max(turn - time.monotonic(), 0.0))
            self.behind_s = max(self.behind_s, time.monotonic() - turn)
            jobs.append(self._run_job(session, request))
        return jobs

    def _run_job(self, session: Any, request: Any) -> Job | None:
        """Return the finished job; ``None`` if it was not accepted, or nothing is known of it."""
        failures = 0
        status_url = self._submit(session, request)
        while status_url is not None and failures < MAX_FAILED_POLLS:
            start = time.monotonic()
            response = self._send(session, session.build_request("GET", status_url))
            self.status_s.append(time.monotonic() - start)
            if response is None:
                failures += 1
                time.sleep(RETRY_INTERVAL_S)
                continue
            failures = 0
            if response.status_code == NOT_FOUND:
                return None
            job: Job = response.json()
            if job["status"] in FINAL_STATUSES:
                return job
            time.sleep(POLL_INTERVAL_S)
        return None

    def _build_request(self, session: Any, number: int) -> Any:
        """Return an encoded submission; encoding does not count as the service's latency."""
        files = {"file": (f"{number}.mp4", self._upload(number))}
        request = session.build_request(
            "POST", "/analyze-video", files=files, data={"retention": "zero"}
        )
        request.read()
        return request

    def _submit(self, session: Any, request: Any) -> str | None:
        while True:
            start = time.monotonic()
            response = self._send(session, request)
            if response is not None and response.status_code == TOO_MANY_REQUESTS:
                self.retries += 1
                time.sleep(float(response.headers["Retry-After"]))
                continue
            if response is None or response.status_code == NOT_FOUND:
                return None
            self.submit_s.append(time.monotonic() - start)
            self.accepted_at.append(time.monotonic())
            return str(response.json()["status_url"])

    def _send(self, session: Any, request: Any) -> Any:
        """Return a response that a test expects; ``None`` of an error, which is counted."""
        httpx = require("httpx", extra="service")
        try:
            response = session.send(request)
        except httpx.HTTPError as error:
            self.errors[type(error).__name__] += 1
            return None
        if response.is_success or response.status_code in (TOO_MANY_REQUESTS, NOT_FOUND):
            return response
        self.errors[f"HTTP {response.status_code}"] += 1
        return None

    def _upload(self, number: int) -> bytes:
        """Return the video with an MP4 ``free`` box, so that no two uploads are equal."""
        padding = max(self.size_bytes - len(self.content) - 8, 16)
        box = (padding + 8).to_bytes(4, "big") + b"free" + number.to_bytes(16, "big")
        return self.content + box + bytes(padding - 16)


def latency_quantiles_ms(seconds: Sequence[float]) -> dict[str, float]:
    """Return the 50th, 95th and 99th percentile in milliseconds.

    Example:
        >>> latency_quantiles_ms([0.001, 0.002, 0.003])
        {'p50': 2.0, 'p95': 3.0, 'p99': 3.0}
        >>> latency_quantiles_ms([])
        {}
    """
    ordered = sorted(seconds)
    if not ordered:
        return {}
    return {
        f"p{percent}": round(
            1000 * ordered[min(len(ordered) * percent // 100, len(ordered) - 1)], 1
        )
        for percent in (50, 95, 99)
    }


def _connect(session: Any) -> None:
    """Open the client's connection with a cheap request."""
    httpx = require("httpx", extra="service")
    try:
        session.get("/limits").raise_for_status()
    except httpx.HTTPError as error:
        message = f"{session.base_url}: no service to test ({error}); start one, or check the key"
        raise ConfigError(message) from error
