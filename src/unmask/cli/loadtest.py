"""`unmask loadtest`: what a running service bears."""

import json
import os
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from unmask.optional_deps import require

ENDED = ("done", "failed", "cancelled")
MIB = 2**20
PAUSE_S = 0.25
REFUSED = 429
MOMENTS = 20  # of a run, at which its memory is told


def command(
    url: Annotated[str, typer.Argument(help="Of a running service.")] = "http://127.0.0.1:3000",
    jobs: Annotated[int, typer.Option(min=1, help="Submissions.")] = 200,
    clients: Annotated[int, typer.Option(min=1, help="At the same time.")] = 20,
    clip: Annotated[Path | None, typer.Option(help="Video; default: five seconds made up.")] = None,
    size_mib: Annotated[float, typer.Option(help="Every upload is filled up to this.")] = 5.0,
    json_out: Annotated[Path | None, typer.Option("--json", help="Write the numbers here.")] = None,
) -> None:
    """Submit many videos at once, watch each to its end, and count time, memory and losses."""
    content = clip.read_bytes() if clip else _talking(5.0)
    run = LoadTest(url, content, round(size_mib * MIB), os.environ.get("UNMASK_API_KEY"))
    figures = run.run(jobs, clients)
    typer.echo(json.dumps(figures, indent=2))
    if json_out is not None:
        json_out.parent.mkdir(parents=True, exist_ok=True)
        json_out.write_text(json.dumps(figures, indent=2) + "\n")


@dataclass
class LoadTest:
    """One load test.

    Attributes:
        submit_s: Seconds of every submission that was taken.
        status_s: Seconds of every question for a job.
    """

    url: str
    content: bytes
    size_bytes: int
    key: str | None
    submit_s: list[float] = field(default_factory=list)
    status_s: list[float] = field(default_factory=list)
    accepted_at: list[float] = field(default_factory=list)
    refused: int = 0

    def run(self, jobs: int, clients: int) -> dict[str, Any]:
        """Submit and wait; give the figures."""
        clients, watch = min(clients, jobs), ProcessMemoryMonitor(urlsplit(self.url).port or 80)
        with ExitStack() as stack:
            sessions = [stack.enter_context(self._session()) for _ in range(clients)]
            pool = stack.enter_context(ThreadPoolExecutor(clients))
            stack.enter_context(watch)
            turns = [range(first, jobs, clients) for first in range(clients)]
            list(pool.map(_connect, sessions))
            first = list(pool.map(self._packed, sessions, range(clients)))
            begin = time.monotonic()
            ended = [job for some in pool.map(self._client, sessions, first, turns) for job in some]
        names = [job["job_id"] for job in ended if job]
        accepted_s = max(self.accepted_at) - begin
        return {
            "jobs": jobs,
            "clients": clients,
            "upload_mib": round(len(self._upload(0)) / MIB, 2),
            "accepted_per_s": round(jobs / accepted_s, 2),
            "done_per_s": round(jobs / (time.monotonic() - begin), 2),
            "submit_ms": _quantiles(self.submit_s),
            "status_ms": _quantiles(self.status_s),
            "status_calls": len(self.status_s),
            "refused_and_tried_again": self.refused,
            "lost": jobs - len(set(names)),
            "failed": sum(job["status"] != "done" for job in ended if job),
            "begun_more_than_once": sum(job["attempts"] > 1 for job in ended if job),
            "memory_mib": watch.figures(),
        }

    def _session(self) -> Any:
        """A client of its own; made beforehand, since it reads certificates for a while."""
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        httpx = require("httpx", extra="service")
        return httpx.Client(base_url=self.url, headers=headers, timeout=120)

    def _client(
        self, session: Any, first: Any, numbers: Sequence[int]
    ) -> list[dict[str, Any] | None]:
        """Send what is packed, see its job to the end, pack the next."""
        rest = (self._packed(session, number) for number in numbers[1:])
        return [self._one(session, request) for request in chain((first,), rest)]

    def _one(self, client: Any, request: Any) -> dict[str, Any] | None:
        address = self._submitted(client, request)
        while True:
            begin = time.monotonic()
            answer = client.get(address)
            self.status_s.append(time.monotonic() - begin)
            job = dict(answer.json()) if answer.status_code == 200 else None
            if job is None or job["status"] in ENDED:
                return job
            time.sleep(PAUSE_S)

    def _packed(self, client: Any, number: int) -> Any:
        """A submission; packing it is the client's own work, and not on the clock."""
        files = {"file": (f"{number}.mp4", self._upload(number))}
        request = client.build_request(
            "POST", "/analyze-video", files=files, data={"retention": "zero"}
        )
        request.read()
        return request

    def _submitted(self, client: Any, request: Any) -> str:
        while True:
            begin = time.monotonic()
            answer = client.send(request)
            if answer.status_code == REFUSED:
                self.refused += 1
                time.sleep(float(answer.headers["Retry-After"]))
                continue
            answer.raise_for_status()
            self.submit_s.append(time.monotonic() - begin)
            self.accepted_at.append(time.monotonic())
            return str(answer.json()["status_url"])

    def _upload(self, number: int) -> bytes:
        """The clip with a box that players skip, so that no two uploads are the same."""
        filling = max(self.size_bytes - len(self.content) - 8, 16)
        box = (filling + 8).to_bytes(4, "big") + b"free" + number.to_bytes(16, "big")
        return self.content + box + bytes(filling - 16)


class ProcessMemoryMonitor:
    """Memory of the processes behind a port of this machine, every two seconds."""

    def __init__(self, port: int) -> None:
        self._seen: dict[str, list[tuple[float, float]]] = {}
        self._port = port
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "ProcessMemoryMonitor":
        """Begin to look."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Look no more."""
        self._done.set()
        self._thread.join()

    def figures(self) -> dict[str, dict[str, Any]]:
        """By name of a process its most MiB, and ``[seconds, MiB]`` at ``MOMENTS`` of the run."""
        return {
            name: {"most": max(mib for _, mib in line), "over_time": line[:: _stride(len(line))]}
            for name, line in self._seen.items()
        }

    def _run(self) -> None:
        begin = time.monotonic()
        while True:
            for name, mib in self._now():
                moment = round(time.monotonic() - begin, 1)
                self._seen.setdefault(name, []).append((moment, mib))
            if self._done.wait(2.0):
                return

    def _now(self) -> Iterator[tuple[str, float]]:
        psutil = require("psutil", extra="service")
        try:
            links = psutil.net_connections("tcp")
            found = {one.pid for one in links if one.status == "LISTEN" and self._port in one.laddr}
            servers = [psutil.Process(pid) for pid in found if pid]
            family = {one for server in servers for one in (server, *server.children(True))}
            for process in family:
                words = process.cmdline()
                name = next((word for word in words if word.startswith("bento.")), "service")
                yield f"{name} {process.pid}", round(process.memory_info().rss / MIB, 1)
        except psutil.Error:
            return


def _connect(session: Any) -> None:
    """Open the client's connection as the page does, which asks this before anybody submits."""
    session.get("/limits").raise_for_status()


def _stride(count: int) -> int:
    return -(-count // MOMENTS)


def _quantiles(seconds: Sequence[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {
        f"p{share}": round(1000 * ordered[min(len(ordered) * share // 100, len(ordered) - 1)], 1)
        for share in (50, 95, 99)
    }


def _talking(seconds: float) -> bytes:
    from unmask.data.demo.benchmark_clip import write_benchmark_clip
    from unmask.native_stderr import suppress_native_stderr

    with TemporaryDirectory(prefix="unmask-load-") as folder, suppress_native_stderr():
        path = Path(folder) / "talking.mp4"
        write_benchmark_clip(path, seconds)
        return path.read_bytes()
