"""Calls as tasks of a Ray cluster, in place of worker processes of this machine.

Tasks and not joblib's backend for Ray (`ray.util.joblib`): there a worker that dies ends all calls.
Ray repeats a task alone whose worker or node dies.
"""

import os
import pickle
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, TypeVar

from unmask.errors import ConfigError, WorkerCrashError
from unmask.ray_cluster import connect, count_cores

T = TypeVar("T")

Call = tuple[Any, ...]  # the arguments of one call
Placed = tuple[int, T]  # with the place of the call among all
MAX_ATTEMPTS = 3  # of a call whose worker or node dies
SUBMITTED_PER_CPU = 2  # calls that run or wait in the cluster, so that no worker is idle
POLL_S = 1.0
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class RayTasks:
    """Runs calls on a cluster, each with one CPU and one thread.

    Args:
        ray: The package, connected to the cluster.

    The working folder of this process has to exist on every node, with the same files.
    """

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self._task = ray.remote(num_cpus=1, max_retries=MAX_ATTEMPTS - 1)(run_pickled)

    def run(
        self,
        function: Callable[..., T],
        calls: Sequence[Call],
        on_crash: Callable[..., T] | None,
    ) -> Generator[Placed[T], None, None]:
        """Yield each result with the place of its call, as they arrive.

        Raises:
            WorkerCrashError: A call ended its worker ``MAX_ATTEMPTS`` times, and there is no
                ``on_crash``.
            ConfigError: A node lacks the packages or the working folder.
        """
        folder = Path.cwd()
        waiting = deque(enumerate(calls))
        running: dict[Any, Placed[Call]] = {}
        try:
            while running or waiting:
                while waiting and len(running) < self._most_submitted():
                    place, arguments = waiting.popleft()
                    reference = self._task.remote(folder, pickle.dumps((function, arguments)))
                    running[reference] = place, arguments
                done, _ = self._ray.wait(list(running), timeout=POLL_S)
                for reference in done:
                    place, arguments = running.pop(reference)
                    yield place, self._result(reference, function, arguments, on_crash)
        finally:  # no call runs on after the error of another
            for reference in running:
                self._ray.cancel(reference)
            if running:
                self._ray.wait(list(running), num_returns=len(running))

    def _most_submitted(self) -> int:
        """Return how many calls the cluster gets at once; nodes may come and go."""
        cpus = int(self._ray.cluster_resources().get("CPU", 0))
        return max(cpus, 1) * SUBMITTED_PER_CPU

    def _result(
        self,
        reference: Any,
        function: Callable[..., T],
        arguments: Call,
        on_crash: Callable[..., T] | None,
    ) -> T:
        errors = self._ray.exceptions
        try:
            result = pickle.loads(self._ray.get(reference))
        except errors.RayTaskError as error:
            message = f"a node of the Ray cluster cannot run the work ({error.cause or error})"
            raise ConfigError(f"{message}; install the same unmask on all") from error
        except errors.RayError as error:  # of a worker, its node, or the way to it
            if on_crash is None:
                raise crash_error(function, arguments, f"{MAX_ATTEMPTS} times") from error
            return on_crash(*arguments)
        if isinstance(result, _Raised):
            raise result.error
        return result


class _Raised:
    """An error of a call, which Ray would wrap."""

    def __init__(self, error: Exception) -> None:
        self.error = error


def run_pickled(folder: Path, call: bytes) -> bytes:
    """Run a call in a task, and return its result or error; pickled, so that arrays stay writable.

    The threads are limited before the call is unpickled, which imports the packages.
    """
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    try:
        os.chdir(folder)
    except OSError as error:
        node = os.uname().nodename
        message = f"{folder}: cannot be used on node {node} ({error.strerror}); start the command"
        return pickle.dumps(_Raised(ConfigError(f"{message} in a folder that all nodes share")))
    function, arguments = pickle.loads(call)
    try:
        return pickle.dumps(function(*arguments))
    except Exception as error:
        return pickle.dumps(_Raised(error))


def crash_error(function: Callable[..., Any], arguments: Call, times: str) -> WorkerCrashError:
    """Return the error of a call that ended its worker process again and again."""
    return WorkerCrashError(
        f"{function.__name__}{arguments}: ended its worker process {times}; leave this input out"
    )


_current: ContextVar[RayTasks | None] = ContextVar("ray_tasks", default=None)


def current_tasks() -> RayTasks | None:
    """Return what runs parallel calls inside of :func:`on_ray`; ``None`` for processes."""
    return _current.get()


@contextmanager
def on_ray(address: str | None = None) -> Iterator[None]:
    """Let :func:`~unmask.preprocessing.parallel.run_parallel` use a Ray cluster in the block.

    Args:
        address: Of the cluster; by default that in ``RAY_ADDRESS``, or else a cluster of this
            machine's cores, which ends with the block.

    Raises:
        MissingExtraError: Ray is not installed.
        ConfigError: No cluster answers at the address.
    """
    ray = connect(address, count_cores())
    token = _current.set(RayTasks(ray))
    try:
        yield
    finally:
        _current.reset(token)
        ray.shutdown()
