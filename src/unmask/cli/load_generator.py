"""Load generator for a running service: submissions, polling and memory of its processes."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Any
from urllib.parse import urlsplit

from unmask.optional_deps import require

FINAL_STATUSES = ("done", "failed", "cancelled")
MIB = 2**20
POLL_INTERVAL_S = 0.25
TOO_MANY_REQUESTS = 429
TIMEOUT_S = 120
SAMPLING_INTERVAL_S = 2.0
MAX_SAMPLES = 20  # of a memory series in the results

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
    """

    url: str
    content: bytes
    size_bytes: int
    key: str | None
    submit_s: list[float] = field(default_factory=list)
    status_s: list[float] = field(default_factory=list)
    accepted_at: list[float] = field(default_factory=list)
    retries: int = 0

    def run(self, jobs: int, clients: int) -> dict[str, Any]:
        """Submit ``jobs`` videos from ``clients`` threads, wait for the results, and count."""
        clients = min(clients, jobs)
        monitor = ProcessMemoryMonitor(partial(server_memory, urlsplit(self.url).port or 80))
        with ExitStack() as stack:
            sessions = [stack.enter_context(self._session()) for _ in range(clients)]
            pool = stack.enter_context(ThreadPoolExecutor(clients))
            stack.enter_context(monitor)
            numbers = [range(first, jobs, clients) for first in range(clients)]
            # connections and first requests are made before the clock starts
            list(pool.map(_connect, sessions))
            requests = list(pool.map(self._build_request, sessions, range(clients)))
            start = time.monotonic()
            finished = list(chain(*pool.map(self._run_client, sessions, requests, numbers)))
        known = [job for job in finished if job]
        return {
            "jobs": jobs,
            "clients": clients,
            "upload_mib": round(len(self._upload(0)) / MIB, 2),
            "accepted_per_s": round(jobs / (max(self.accepted_at) - start), 2),
            "done_per_s": round(jobs / (time.monotonic() - start), 2),
            "submit_ms": latency_quantiles_ms(self.submit_s),
            "status_ms": latency_quantiles_ms(self.status_s),
            "status_calls": len(self.status_s),
            "retries_429": self.retries,
            "lost": jobs - len({job["job_id"] for job in known}),
            "failed": sum(job["status"] != "done" for job in known),
            "duplicate_runs": sum(job["attempts"] > 1 for job in known),
            "memory_mib": monitor.summary(),
        }

    def _session(self) -> Any:
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        httpx = require("httpx", extra="service")
        return httpx.Client(base_url=self.url, headers=headers, timeout=TIMEOUT_S)

    def _run_client(self, session: Any, first: Any, numbers: Sequence[int]) -> list[Job | None]:
        """Submit one request after the other, each when the job before has finished."""
        others = (self._build_request(session, number) for number in numbers[1:])
        return [self._run_job(session, request) for request in chain((first,), others)]

    def _run_job(self, session: Any, request: Any) -> Job | None:
        """Return the finished job; ``None`` if the service does not know it any more."""
        status_url = self._submit(session, request)
        while True:
            start = time.monotonic()
            response = session.get(status_url)
            self.status_s.append(time.monotonic() - start)
            job = dict(response.json()) if response.status_code == 200 else None
            if job is None or job["status"] in FINAL_STATUSES:
                return job
            time.sleep(POLL_INTERVAL_S)

    def _build_request(self, session: Any, number: int) -> Any:
        """Return an encoded submission; encoding does not count as the service's latency."""
        files = {"file": (f"{number}.mp4", self._upload(number))}
        request = session.build_request(
            "POST", "/analyze-video", files=files, data={"retention": "zero"}
        )
        request.read()
        return request

    def _submit(self, session: Any, request: Any) -> str:
        while True:
            start = time.monotonic()
            response = session.send(request)
            if response.status_code == TOO_MANY_REQUESTS:
                self.retries += 1
                time.sleep(float(response.headers["Retry-After"]))
                continue
            response.raise_for_status()
            self.submit_s.append(time.monotonic() - start)
            self.accepted_at.append(time.monotonic())
            return str(response.json()["status_url"])

    def _upload(self, number: int) -> bytes:
        """Return the video with an MP4 ``free`` box, so that no two uploads are equal."""
        padding = max(self.size_bytes - len(self.content) - 8, 16)
        box = (padding + 8).to_bytes(4, "big") + b"free" + number.to_bytes(16, "big")
        return self.content + box + bytes(padding - 16)


class ProcessMemoryMonitor:
    """Context manager that samples the memory of processes in a background thread.

    Args:
        sample: Returns name and MiB of every process.
        clock: Returns seconds.
    """

    def __init__(
        self,
        sample: Callable[[], Iterable[tuple[str, float]]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sample, self._clock = sample, clock
        self._start = clock()
        self._series: dict[str, list[tuple[float, float]]] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "ProcessMemoryMonitor":
        """Start sampling."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop sampling."""
        self._stopped.set()
        self._thread.join()

    def record(self) -> None:
        """Take one sample of every process."""
        for name, mib in self._sample():
            elapsed_s = round(self._clock() - self._start, 1)
            self._series.setdefault(name, []).append((elapsed_s, mib))

    def summary(self) -> dict[str, dict[str, Any]]:
        """Return the maximum in MiB, and up to ``MAX_SAMPLES`` of ``(seconds, MiB)``, by name."""
        return {
            name: {
                "max": max(mib for _, mib in series),
                "over_time": series[:: -(-len(series) // MAX_SAMPLES)],
            }
            for name, series in self._series.items()
        }

    def _run(self) -> None:
        self.record()
        while not self._stopped.wait(SAMPLING_INTERVAL_S):
            self.record()


def server_memory(port: int) -> Iterator[tuple[str, float]]:
    """Yield name and resident MiB of the local processes that serve a TCP port."""
    psutil = require("psutil", extra="service")
    try:
        connections = psutil.net_connections("tcp")
        pids = {each.pid for each in connections if each.status == "LISTEN" and port in each.laddr}
        servers = [psutil.Process(pid) for pid in pids if pid]
        for process in {each for server in servers for each in (server, *server.children(True))}:
            arguments = process.cmdline()
            name = next((each for each in arguments if each.startswith("bento.")), "service")
            yield f"{name} {process.pid}", round(process.memory_info().rss / MIB, 1)
    except psutil.Error:
        return


def latency_quantiles_ms(seconds: Sequence[float]) -> dict[str, float]:
    """Return the 50th, 95th and 99th percentile in milliseconds.

    Example:
        >>> latency_quantiles_ms([0.001, 0.002, 0.003])
        {'p50': 2.0, 'p95': 3.0, 'p99': 3.0}
    """
    ordered = sorted(seconds)
    return {
        f"p{percent}": round(
            1000 * ordered[min(len(ordered) * percent // 100, len(ordered) - 1)], 1
        )
        for percent in (50, 95, 99)
    }


def _connect(session: Any) -> None:
    """Open the client's connection with a cheap request."""
    session.get("/limits").raise_for_status()
