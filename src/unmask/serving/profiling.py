"""Seconds and memory of each stage of an analysis, watched while it runs."""

import resource
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

from unmask.optional_deps import require
from unmask.preprocessing.timing import StageTimer
from unmask.serving.analyzer import STAGES, Analyzer

SAMPLE_S = 0.005
MIB = 2**20


@dataclass(frozen=True, slots=True)
class StageCost:
    """What one stage took.

    Attributes:
        real_time_factor: Seconds of video per second of work; higher is faster.
        peak_mib: Highest resident memory of the process while the stage was at work, sampled
            every ``SAMPLE_S``; what libraries, detector and earlier stages hold is in it.
    """

    seconds: float
    real_time_factor: float
    peak_mib: float


class MemoryTimer(StageTimer):
    """A stopwatch that also notes how much memory each stage was seen to hold."""

    def __init__(self) -> None:
        super().__init__()
        self.stage = "rest"
        self.peak_mib: dict[str, float] = defaultdict(float)

    @contextmanager
    def on(self, stage: str) -> Iterator[None]:
        """Count time and memory inside the block to ``stage``."""
        outer, self.stage = self.stage, stage
        try:
            with super().measure(stage):
                yield
        finally:
            self.stage = outer

    @contextmanager
    def sampling(self) -> Iterator[None]:
        """Look at the process's memory from a thread while the block runs."""
        process, done = require("psutil", extra="demo").Process(), Event()

        def look() -> None:
            while not done.wait(SAMPLE_S):
                stage, mib = self.stage, process.memory_info().rss / MIB
                if stage == self.stage:  # else the reading may be of either stage
                    self.peak_mib[stage] = max(self.peak_mib[stage], mib)

        thread = Thread(target=look, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def profile_analysis(analyzer: Analyzer, video: Path) -> dict[str, StageCost]:
    """Analyze ``video`` once; give the cost of each stage, of the rest, and of ``analyze``.

    The whole's ``peak_mib`` is the operating system's own mark for this process, so call this
    in a process that has done nothing larger before.
    """
    watch = MemoryTimer()
    with watch.sampling():
        report = analyzer.analyze(video, watch=watch)
    long_s, seconds = report.media.duration_s, report.timing_s.model_dump()
    costs = {
        stage: StageCost(seconds[stage], long_s / max(seconds[stage], 1e-6), watch.peak_mib[stage])
        for stage in (*STAGES, "rest")
    }
    total_s = seconds["total"]
    # the system's own counters may disagree by some pages
    peak_mib = max(high_water_mib(), *watch.peak_mib.values())
    return {**costs, "analyze": StageCost(total_s, long_s / total_s, peak_mib)}


def high_water_mib() -> float:
    """The most memory this process has held so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (MIB if sys.platform == "darwin" else 1024)  # bytes there, KiB elsewhere
