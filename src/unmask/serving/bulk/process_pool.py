"""Pool of processes on this machine."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from unmask.native_stderr import suppress_native_stderr
from unmask.serving.bulk.row import Row
from unmask.serving.bulk.source import Source
from unmask.serving.bulk.worker_pool import LoadAnalyzer, Signal, WorkerPool, load_analyzer
from unmask.serving.bulk.worker_settings import WorkerSettings

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class ProcessPool(WorkerPool):
    """Worker processes that share the cores; each holds a detector.

    Args:
        load: Called in each worker; picklable.

    A worker ends with this process, also where that is killed: its connection is closed then.
    Not :class:`concurrent.futures.ProcessPoolExecutor`: there, a process that dies takes the calls
    of all others with it, and workers outlive a killed parent.
    """

    def __init__(
        self, settings: WorkerSettings, workers: int, load: LoadAnalyzer = load_analyzer
    ) -> None:
        self.workers = workers
        self._settings, self._load = settings, load
        self._context = get_context("spawn")  # a fork copies threads of libraries half-way
        self._processes: dict[int, tuple[BaseProcess, Connection]] = {}

    def start(self, worker: int) -> None:
        """Start a worker, which loads the detector."""
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=serve,
            args=(theirs, self._load, self._settings),
            name=f"unmask-{worker}",
            daemon=True,
        )
        with _share_of_cores(self.workers):
            process.start()
        theirs.close()
        self._processes[worker] = process, ours

    def submit(self, worker: int, source: Source) -> None:
        """Send a source; a worker that has died since is told by ``wait``."""
        with suppress(OSError):
            self._processes[worker][1].send(source)

    def wait(self, timeout_s: float) -> list[tuple[int, Row | Signal]]:
        """Return the next rows and signals."""
        workers = {connection: worker for worker, (_, connection) in self._processes.items()}
        sent: list[tuple[int, Row | Signal]] = []
        for connection in wait(list(workers), timeout_s):
            worker = workers[connection]  # type: ignore[index]
            message = _receive(self._processes[worker][1])
            if isinstance(message, Exception):
                raise message
            if message is Signal.DIED:
                self.stop(worker)
            sent.append((worker, message))
        return sent

    def stop(self, worker: int) -> None:
        """Kill a worker."""
        process, connection = self._processes.pop(worker)
        connection.close()
        process.kill()
        process.join()

    def close(self) -> None:
        """Kill all workers."""
        for worker in list(self._processes):
            self.stop(worker)


def _receive(connection: Connection) -> Row | Signal | Exception:
    try:
        message: Row | Signal | Exception = connection.recv()
    except (EOFError, OSError):
        return Signal.DIED
    return message


def serve(connection: Connection, load: LoadAnalyzer, settings: WorkerSettings) -> None:
    """Analyze the sources that a connection brings, until it is closed; runs in a worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of a terminal
    with suppress_native_stderr():
        try:
            analyzer = load(settings)
        except Exception as error:  # also of a package that is missing
            connection.send(error)
            return
        connection.send(Signal.READY)
        try:
            while True:
                connection.send(analyzer.analyze(connection.recv()))
        except (EOFError, OSError):
            return


@contextmanager
def _share_of_cores(workers: int) -> Iterator[None]:
    """Let processes that start now use their share of the cores; what is set already holds."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    threads = str(max((cores or 1) // workers, 1))
    added = [name for name in THREAD_VARIABLES if name not in os.environ]
    os.environ.update(dict.fromkeys(added, threads))
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]
