"""Memory of the processes that serve a TCP port, over time."""

import csv
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from unmask.cli.load_schedule import SAMPLING_INTERVAL_S
from unmask.optional_deps import require

MIB = 2**20
MAX_SAMPLES = 20  # of a series in the summary
WARM_UP_FRACTION = 0.25  # of the time, which the slope leaves out
COLUMNS = ("seconds", "process", "mib", "submissions")

Sample = tuple[float, float, int]  # seconds, MiB, submissions


class ProcessMemoryMonitor:
    """Context manager that samples the memory of processes in a background thread.

    Args:
        sample: Returns name and MiB of every process.
        count: Returns how many submissions were accepted so far.
        interval_s: Time between two samples.
        path: CSV file of all samples, a row for each process, readable during the test.
        clock: Returns seconds.
    """

    def __init__(
        self,
        sample: Callable[[], Iterable[tuple[str, float]]],
        count: Callable[[], int] = lambda: 0,
        interval_s: float = SAMPLING_INTERVAL_S,
        path: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sample, self._count, self._interval_s = sample, count, interval_s
        self._path, self._clock = path, clock
        self._start = clock()
        self._series: dict[str, list[Sample]] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "ProcessMemoryMonitor":
        """Start sampling.

        Raises:
            OSError: The CSV file cannot be written.
        """
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_text(",".join(COLUMNS) + "\n")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop sampling."""
        self._stopped.set()
        self._thread.join()

    def record(self) -> None:
        """Take one sample of every process."""
        elapsed_s, submissions = round(self._clock() - self._start, 1), self._count()
        samples = list(self._sample())
        for name, mib in samples:
            self._series.setdefault(name, []).append((elapsed_s, mib, submissions))
        if self._path is not None:
            with self._path.open("a", newline="") as file:
                csv.writer(file).writerows(
                    (elapsed_s, name, mib, submissions) for name, mib in samples
                )

    def summary(self) -> dict[str, dict[str, Any]]:
        """Return what each process used, by name.

        Returns:
            ``max`` in MiB, up to ``MAX_SAMPLES`` of ``(seconds, MiB)`` in ``over_time``, and in
            ``mib_per_1000`` how much more a process uses after 1000 submissions: the slope of a
            straight line through its samples after the warm-up; ``None`` where too few were
            accepted meanwhile.
        """
        return {
            name: {
                "max": max(mib for _, mib, _ in series),
                "mib_per_1000": memory_slope(series),
                "over_time": [sample[:2] for sample in series[:: -(-len(series) // MAX_SAMPLES)]],
            }
            for name, series in self._series.items()
        }

    def _run(self) -> None:
        self.record()
        while not self._stopped.wait(self._interval_s):
            self.record()


def memory_slope(series: list[Sample]) -> float | None:
    """Return how many MiB a process gains in 1000 submissions, by least squares.

    Samples within the first ``WARM_UP_FRACTION`` of the time count as warm-up. ``None`` means
    that the remaining ones span less than two submissions.

    Example:
        >>> memory_slope([(0.0, 50.0, 0), (20.0, 100.0, 100), (40.0, 102.0, 300)])
        10.0
    """
    first_s, last_s = series[0][0], series[-1][0]
    warm = [each for each in series if each[0] >= first_s + WARM_UP_FRACTION * (last_s - first_s)]
    submissions = np.array([count for _, _, count in warm], float)
    if np.ptp(submissions) < 2:
        return None
    slope = np.polyfit(submissions, [mib for _, mib, _ in warm], 1)[0]
    return round(float(slope) * 1000, 2)


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
