"""Pool of Ray actors, on this machine or on a cluster.

Actors and not Ray Data: a table of results that continues after a kill needs the row of each file
once it is done, and a file of its own to repeat for each worker that dies.
"""

import logging
from dataclasses import dataclass
from typing import Any

from unmask.errors import ConfigError
from unmask.ray_cluster import LOCAL, connect, count_cores, resolve_address
from unmask.serving.bulk.row import Row
from unmask.serving.bulk.source import Source
from unmask.serving.bulk.worker_pool import (
    LoadAnalyzer,
    RowAnalyzer,
    Signal,
    WorkerPool,
    load_analyzer,
)
from unmask.serving.bulk.worker_settings import WorkerSettings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RayOptions:
    """Where the actors run, and what each reserves.

    Attributes:
        address: Of a cluster; by default that in ``RAY_ADDRESS``, or else one on this machine
            that ends with the analysis.
        fills_cluster: Whether to start as many workers as the cluster holds.
        cpus, gpus: Of each worker; a fraction of a GPU lets several share it.
    """

    address: str | None = None
    fills_cluster: bool = False
    cpus: int = 1
    gpus: float = 0.0

    @property
    def cluster_address(self) -> str:
        """``address``, or the default."""
        return resolve_address(self.address)


class RayPool(WorkerPool):
    """Actors that each hold a detector and analyze one source at a time.

    Args:
        workers: Number of actors, the largest where the cluster is filled. Actors for which the
            cluster has no room wait until it has.
        load: Called in each actor; picklable.

    Raises:
        MissingExtraError: Ray is not installed.
        ConfigError: No cluster answers at the address, or this machine has no room for a worker.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        workers: int,
        options: RayOptions,
        load: LoadAnalyzer = load_analyzer,
    ) -> None:
        local_cpus = count_cores() if options.fills_cluster else workers * options.cpus
        self._ray = connect(options.address, local_cpus)
        capacity = self._capacity(options)
        self.workers = min(workers, max(capacity, 1)) if options.fills_cluster else workers
        if not capacity:
            self._report_no_room(options)
        self._settings, self._load = settings, load
        self._actor_class = self._ray.remote(
            num_cpus=options.cpus, num_gpus=options.gpus, max_restarts=0
        )(Worker)
        self._actors: dict[int, Any] = {}
        self._calls: dict[Any, int] = {}

    def start(self, worker: int) -> None:
        """Create an actor, which loads the detector."""
        self._actors[worker] = self._actor_class.remote()
        call = self._actors[worker].load.remote(self._load, self._settings)
        self._calls[call] = worker

    def submit(self, worker: int, source: Source) -> None:
        """Send a source."""
        self._calls[self._actors[worker].analyze.remote(source)] = worker

    def wait(self, timeout_s: float) -> list[tuple[int, Row | Signal]]:
        """Return the next rows and signals."""
        calls = list(self._calls)
        self._ray.wait(calls, num_returns=1, timeout=timeout_s)
        done, _ = self._ray.wait(calls, num_returns=len(calls), timeout=0)
        sent = []
        for call in done:
            worker, message = self._calls.pop(call), self._get(call)
            if isinstance(message, Exception):
                raise message
            sent.append((worker, message))
        return sent

    def stop(self, worker: int) -> None:
        """Kill an actor, and forget what it was doing."""
        self._calls = {call: owner for call, owner in self._calls.items() if owner != worker}
        self._ray.kill(self._actors.pop(worker))

    def close(self) -> None:
        """Leave the cluster, with which the actors end."""
        for worker in list(self._actors):
            self.stop(worker)
        self._ray.shutdown()

    def _get(self, call: Any) -> Row | Signal | Exception:
        try:
            message: Row | Signal | Exception = self._ray.get(call)
        except self._ray.exceptions.RayError:  # of an actor, its node, or the way to it
            return Signal.DIED
        return message

    def _report_no_room(self, options: RayOptions) -> None:
        resources = self._ray.cluster_resources()
        has = ", ".join(f"{resources.get(name, 0):g} {name}" for name in ("CPU", "GPU"))
        message = f"the Ray cluster has {has}, less than one worker reserves"
        if options.cluster_address == LOCAL:
            self._ray.shutdown()
            raise ConfigError(f"{message}; lower --cpus-per-worker or --gpus-per-worker")
        log.warning("%s; waiting for a node", message)

    def _capacity(self, options: RayOptions) -> int:
        """Return how many workers the nodes hold now."""
        resources = self._ray.cluster_resources()
        capacity = resources.get("CPU", 0.0) // options.cpus
        if options.gpus:
            capacity = min(capacity, resources.get("GPU", 0.0) // options.gpus)
        return int(capacity)


class Worker:
    """An actor."""

    _analyzer: RowAnalyzer

    def load(self, load: LoadAnalyzer, settings: WorkerSettings) -> Signal | Exception:
        """Load the detector; return an error, as Ray would wrap one that is raised."""
        try:
            self._analyzer = load(settings)
        except Exception as error:
            return error
        return Signal.READY

    def analyze(self, source: Source) -> Row:
        """Return the row of a source."""
        return self._analyzer.analyze(source)
