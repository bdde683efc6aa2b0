"""Profiling: time and memory of each stage of an analysis."""

import resource
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from threading import Event, Thread
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from unmask.models.scoring_bundle import NetworkCall
from unmask.optional_deps import require
from unmask.preprocessing.timing import StageTimer
from unmask.serving.report.schema import Report

STAGES = (
    *("decode", "faces", "align", "lips", "flow", "speech"),
    *("frame_model", "voice_model", "sync_model", "evidence"),
)
SAMPLE_S = 0.005
MIB = 2**20

# each thread has its own, so that parallel analyses do not count each other's work
_timer: ContextVar[StageTimer | None] = ContextVar("timer", default=None)
_timed_methods: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class StageCost:
    """Time and memory of one stage.

    Attributes:
        seconds: Working time.
        real_time_factor: Seconds of video per second of work; higher is faster.
        peak_mib: Peak resident memory of the process during the stage, sampled every
            ``SAMPLE_S``; includes libraries, detector and what earlier stages still hold.
    """

    seconds: float
    real_time_factor: float
    peak_mib: float


class VideoAnalyzer(Protocol):
    """Anything that analyzes videos like :class:`unmask.serving.analyzer.Analyzer`."""

    def analyze(self, path: Path, *, timer: StageTimer) -> Report:
        """Analyze a video and count the seconds of each stage."""


class MemoryTimer(StageTimer):
    """Stage timer that also samples the peak memory of each stage.

    Args:
        resident_bytes: Returns the memory of this process; for tests.

    Attributes:
        stage: Running stage.
        peak_mib: Stage to peak memory so far.
    """

    def __init__(self, resident_bytes: Callable[[], int] | None = None) -> None:
        super().__init__()
        self.stage = "rest"
        self.peak_mib: dict[str, float] = defaultdict(float)
        self._resident_bytes = resident_bytes or _memory_reader()

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Add time and memory of the block to ``stage``."""
        outer, self.stage = self.stage, stage
        try:
            with super().measure(stage):
                yield
        finally:
            self.stage = outer

    def sample(self) -> None:
        """Record the current memory for the running stage."""
        stage, mib = self.stage, self._resident_bytes() / MIB
        if stage == self.stage:  # otherwise the sample may belong to either stage
            self.peak_mib[stage] = max(self.peak_mib[stage], mib)

    @contextmanager
    def sampling(self) -> Iterator[None]:
        """Sample in a thread every ``SAMPLE_S`` while the block runs."""
        done = Event()

        def run() -> None:
            while not done.wait(SAMPLE_S):
                self.sample()

        thread = Thread(target=run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def profile_analysis(analyzer: VideoAnalyzer, video: Path) -> dict[str, StageCost]:
    """Analyze ``video`` once and return the cost of each stage, of ``rest`` and of ``analyze``.

    The peak memory of ``analyze`` is the operating system's high-water mark of this process, so
    the process should not have done anything larger before.
    """
    timer = MemoryTimer()
    with timer.sampling():
        report = analyzer.analyze(video, timer=timer)
    length_s, seconds = report.media.duration_s, report.timing_s.model_dump()
    costs = {
        stage: StageCost(
            seconds[stage], length_s / max(seconds[stage], 1e-6), timer.peak_mib[stage]
        )
        for stage in (*STAGES, "rest")
    }
    total_s = seconds["total"]
    # the two counters of the operating system may differ by some pages
    peak_mib = max(high_water_mib(), *timer.peak_mib.values())
    return {**costs, "analyze": StageCost(total_s, length_s / total_s, peak_mib)}


def high_water_mib() -> float:
    """Return the peak resident memory of this process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (MIB if sys.platform == "darwin" else 1024)  # macOS: bytes, Linux: KiB


def _memory_reader() -> Callable[[], int]:
    process = require("psutil", extra="demo").Process()
    return lambda: int(process.memory_info().rss)


@contextmanager
def use_timer(timer: StageTimer) -> Iterator[None]:
    """Measure networks prepared by :func:`attach_timer` with ``timer`` inside the block."""
    token = _timer.set(timer)
    try:
        yield
    finally:
        _timer.reset(token)


def attach_timer(call: NetworkCall) -> None:
    """Measure calls of a network's method as their stage; a second call has no effect."""
    timed = _timed_methods.setdefault(call.network, set())
    if call.method in timed:
        return
    timed.add(call.method)
    original = getattr(call.network, call.method)

    @wraps(original)
    def measured(*args: Any, **kwargs: Any) -> Any:
        timer = _timer.get()
        if timer is None:
            return original(*args, **kwargs)
        with timer.measure(call.stage):
            out = original(*args, **kwargs)
            if call.wait is not None:
                call.wait()
            return out

    setattr(call.network, call.method, measured)
