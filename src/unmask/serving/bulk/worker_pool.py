"""Worker pools: the interface, and the dispatch of sources to workers that may die."""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from time import monotonic
from typing import Protocol

from unmask.errors import WorkerCrashError
from unmask.serving.bulk.row import ErrorKind, Row
from unmask.serving.bulk.source import Source
from unmask.serving.bulk.worker_settings import WorkerSettings

MAX_ATTEMPTS = 3  # of a source whose worker dies, as in the service
MAX_FAILED_STARTS = 3  # in a row
POLL_S = 1.0
CRASHED = f"ended its worker process {MAX_ATTEMPTS} times; leave this file out, or re-encode it"


class RowAnalyzer(Protocol):
    """Analyzes sources in a worker."""

    def analyze(self, source: Source) -> Row:
        """Return the row of a source; nothing is raised."""


LoadAnalyzer = Callable[[WorkerSettings], RowAnalyzer]


def load_analyzer(settings: WorkerSettings) -> RowAnalyzer:
    """Load the detector; its packages are imported here, in the worker alone."""
    from unmask.serving.bulk.analysis import SourceAnalyzer

    return SourceAnalyzer.load(settings)


class Signal(Enum):
    """What a worker tells besides rows."""

    READY = auto()
    DIED = auto()


class WorkerPool(ABC):
    """Workers that each analyze one source at a time.

    Attributes:
        workers: Number of them; they are numbered from 0.
    """

    workers: int

    @abstractmethod
    def start(self, worker: int) -> None:
        """Start a worker, or another in place of one that died."""

    @abstractmethod
    def submit(self, worker: int, source: Source) -> None:
        """Give a source to a worker that is ready."""

    @abstractmethod
    def wait(self, timeout_s: float) -> list[tuple[int, Row | Signal]]:
        """Return what workers have sent since; empty after ``timeout_s``.

        Raises:
            UnmaskError: A worker could not load the detector.
        """

    @abstractmethod
    def stop(self, worker: int) -> None:
        """End a worker at once, without a signal."""

    @abstractmethod
    def close(self) -> None:
        """End all workers at once."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    source: Source
    number: int
    start_s: float


class Dispatcher:
    """Gives sources to the workers of a pool and collects the rows, as they come.

    A source is taken from the iterator when a worker is ready for it. If a worker dies, its source
    alone is analyzed again.

    Args:
        detector: SHA-256 for the rows of sources that no worker finished.
        timeout_s: Time limit of one source.
    """

    def __init__(self, pool: WorkerPool, detector: str, timeout_s: float) -> None:
        self._pool, self._detector, self._timeout_s = pool, detector, timeout_s
        self._running: dict[int, _Attempt] = {}
        self._ready: set[int] = set()
        self._again: deque[_Attempt] = deque()
        self._failed_starts = 0

    def run(self, sources: Iterator[Source]) -> Iterator[Row]:
        """Yield one row for each source.

        Raises:
            UnmaskError: A worker could not load the detector.
            WorkerCrashError: Workers die before they are ready.
        """
        for worker in range(self._pool.workers):
            self._pool.start(worker)
        while self._submit(sources):
            for worker, sent in self._pool.wait(POLL_S):
                if (row := self._receive(worker, sent)) is not None:
                    yield row
            yield from self._end_overdue()

    def _submit(self, sources: Iterator[Source]) -> bool:
        """Give every ready worker a source; return whether anything is still to come."""
        while self._ready:
            attempt = self._again.popleft() if self._again else None
            if attempt is None and (source := next(sources, None)) is not None:
                attempt = _Attempt(source, 0, 0.0)
            if attempt is None:
                break
            worker = min(self._ready)
            self._ready.remove(worker)
            self._running[worker] = _Attempt(attempt.source, attempt.number + 1, monotonic())
            self._pool.submit(worker, attempt.source)
        return bool(self._running) or not self._ready

    def _receive(self, worker: int, sent: Row | Signal) -> Row | None:
        attempt = self._running.pop(worker, None)
        if sent is not Signal.DIED:
            self._failed_starts = 0
            self._ready.add(worker)
            return None if isinstance(sent, Signal) else sent
        self._ready.discard(worker)
        if attempt is None:
            self._count_failed_start()
        self._pool.start(worker)
        if attempt is None:
            return None
        if attempt.number < MAX_ATTEMPTS:
            self._again.append(attempt)
            return None
        return self._failed_row(attempt.source, "crash", CRASHED)

    def _count_failed_start(self) -> None:
        self._failed_starts += 1
        if self._failed_starts >= MAX_FAILED_STARTS:
            raise WorkerCrashError(
                f"{self._failed_starts} workers ended before they had loaded the detector; use "
                "fewer --workers, as each takes memory for it"
            )

    def _end_overdue(self) -> Iterator[Row]:
        now_s = monotonic()
        for worker, attempt in list(self._running.items()):
            if now_s - attempt.start_s > self._timeout_s:
                self._pool.stop(worker)
                del self._running[worker]
                self._pool.start(worker)
                message = f"took longer than {self._timeout_s:g} s; raise --timeout-s, or trim it"
                yield self._failed_row(attempt.source, "timeout", message)

    def _failed_row(self, source: Source, kind: ErrorKind, message: str) -> Row:
        return Row(
            source.path,
            self._detector,
            size_bytes=source.size_bytes,
            version=source.version,
            error=kind,
            message=f"{source.path}: {message}",
        )
