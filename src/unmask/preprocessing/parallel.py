"""Parallel execution in processes that may crash, or on a Ray cluster, with a progress bar."""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from unmask.optional_deps import require
from unmask.preprocessing.ray_tasks import (
    THREAD_VARIABLES,
    Call,
    Placed,
    crash_error,
    current_tasks,
)
from unmask.progress_bar import track

T = TypeVar("T")

SUBMITTED_PER_WORKER = 2  # calls that run or wait in the pool, so that no worker is idle
MAX_JOBS = 8  # of :func:`count_jobs`; each holds the pictures of a file in memory
IDLE_S = 10.0  # after which a worker process ends


def count_jobs() -> int:
    """Return how many files this machine decodes at a time: one per core, up to ``MAX_JOBS``.

    There are at least two, since a single job would run in the calling process.
    """
    return min(max(os.cpu_count() or 1, 2), MAX_JOBS)


def run_parallel(
    function: Callable[..., T],
    calls: Sequence[Call],
    jobs: int,
    description: str,
    on_crash: Callable[..., T] | None = None,
) -> Iterator[T]:
    """Call ``function`` with each tuple of arguments, and yield the results in their order.

    Function, arguments and results must be picklable. A progress bar is shown on a terminal. If a
    worker process dies, the calls that it may have died of are repeated, each in a process of its
    own; the others go on. Inside of :func:`~unmask.preprocessing.ray_tasks.on_ray` the calls are
    tasks of the cluster.

    Args:
        jobs: Number of worker processes; 1 runs in this process, which a crash ends. A cluster
            gets as many calls as it has room for.
        description: Label of the progress bar.
        on_crash: Returns the result of a call that ended its process twice, from its arguments;
            on a cluster three times.

    Raises:
        WorkerCrashError: A call ended its process so often, and there is no ``on_crash``.
        ConfigError: A node of the cluster lacks the packages or the working folder.
    """
    if not calls:
        return
    tasks = current_tasks()
    if jobs == 1 and tasks is None:
        yield from track((function(*arguments) for arguments in calls), description, len(calls))
        return
    results = (
        _run_in_processes(function, calls, min(jobs, len(calls)), on_crash)
        if tasks is None
        else tasks.run(function, calls, on_crash)
    )
    early: dict[int, T] = {}
    following = 0
    for place, result in track(results, description, len(calls)):
        early[place] = result
        while following in early:
            yield early.pop(following)
            following += 1


def _run_in_processes(
    function: Callable[..., T],
    calls: Sequence[Call],
    workers: int,
    on_crash: Callable[..., T] | None,
) -> Iterator[Placed[T]]:
    """Yield each result with the place of its call, as they arrive."""
    waiting = deque(enumerate(calls))
    while waiting:
        suspects = yield from _run_until_crash(function, waiting, workers)
        for place, arguments in suspects:
            alone = deque([(place, arguments)])
            if not (yield from _run_until_crash(function, alone, 1, fresh=True)):
                continue
            if on_crash is None:
                raise crash_error(function, arguments, "twice")
            yield place, on_crash(*arguments)


@dataclass(slots=True)
class _KeptPool:
    """The pool of the last calls, and what it was made for.

    It is not loky's global executor, which joblib takes for its own.
    """

    pool: Any = None
    made_for: object = None


_kept = _KeptPool()


def _start_pool(workers: int, fresh: bool) -> Any:
    """Return a pool of processes: that of the last calls, or a new one.

    The import of what a call needs takes longer than most calls. So idle processes wait for
    ``IDLE_S``, and serve the next calls unless folder or environment have changed since.
    """
    loky = require("joblib.externals.loky", extra="media")
    threads = str(max((os.cpu_count() or 1) // workers, 1))
    environment = {**os.environ, "PWD": str(Path.cwd()), **dict.fromkeys(THREAD_VARIABLES, threads)}
    made_for = os.getpid(), workers, environment
    if not fresh and _kept.pool is not None and _kept.made_for == made_for:
        return _kept.pool
    pool = loky.ProcessPoolExecutor(workers, timeout=IDLE_S, env=environment)
    if not fresh:
        if _kept.pool is not None:
            _kept.pool.shutdown(wait=False)
        _kept.pool, _kept.made_for = pool, made_for
    return pool


def _discard_pool(pool: Any) -> None:
    """End the processes of a pool that is broken, or was made for one call."""
    if _kept.pool is pool:
        _kept.pool = None
    pool.shutdown(wait=False, kill_workers=True)


def _run_until_crash(
    function: Callable[..., T], waiting: deque[Placed[Call]], workers: int, fresh: bool = False
) -> Generator[Placed[T], None, list[Placed[Call]]]:
    """Run the calls that are waiting until a worker dies; return those that were in its pool."""
    pool = _start_pool(workers, fresh)
    lost: list[Placed[Call]] = []
    running: dict[Future[T], Placed[Call]] = {}
    try:
        while running or (waiting and not lost):
            while waiting and not lost and len(running) < SUBMITTED_PER_WORKER * workers:
                call = waiting.popleft()
                try:
                    running[pool.submit(function, *call[1])] = call
                except BrokenProcessPool:
                    lost.append(call)
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                call = running.pop(future)
                if isinstance(future.exception(), BrokenProcessPool):
                    lost.append(call)
                else:
                    yield call[0], future.result()
    finally:  # no call runs on after the error of another
        wait([future for future in running if not future.cancel()])
        if lost or fresh:
            _discard_pool(pool)
    return lost
