"""The process that decodes and analyzes: it holds the detector, one job at a time, under limits.

Started as ``python -m bento.sandbox.child FD``; over that socket it takes a task and answers, one
line of JSON each. It dies with whoever started it.
"""

import json
import logging
import math
import os
import queue
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bento.paths import BUNDLE_DIR
from unmask.errors import MediaError, UnmaskError

TELL_S = 0.2
NICE = 19

log = logging.getLogger(__name__)


class ParentChannel:
    """The socket to whoever started this process."""

    def __init__(self, handle: int) -> None:
        self._file = socket.socket(fileno=handle).makefile("rw", encoding="utf-8")
        self._tasks: queue.Queue[dict[str, Any]] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        try:
            for line in self._file:
                self._tasks.put(json.loads(line))
        finally:
            os._exit(0)  # nobody is left to hear an answer

    def task(self) -> dict[str, Any]:
        """Wait for the next task."""
        return self._tasks.get()

    def send(self, **words: Any) -> None:
        """Send one answer."""
        self._file.write(json.dumps(words) + "\n")
        self._file.flush()


Work = Callable[[dict[str, Any], ParentChannel], dict[str, Any]]


def main() -> None:
    """Load the detector, then serve tasks for good."""
    line = ParentChannel(int(sys.argv[1]))
    lower_priority()
    from unmask.serving.analyzer import VARIABLE, Analyzer

    try:
        packed = BUNDLE_DIR.is_dir() and VARIABLE not in os.environ
        analyzer = Analyzer.load(BUNDLE_DIR if packed else None)
    except UnmaskError as error:
        line.send(broken=str(error))
        return
    run_loop(line, analyzer.bundle.sha256, partial(analyze, analyzer))


def lower_priority() -> None:
    """Who asks or submits need not wait for an analysis, nor for torch to load."""
    os.nice(NICE)
    if hasattr(os, "SCHED_IDLE"):  # here even the nicest may end its slice before others
        with suppress(OSError):  # a sandbox may forbid it
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def run_loop(line: ParentChannel, model: str, work: Work) -> None:
    """Answer one task after the other with what ``work`` makes of it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ^C is for the one who started this process
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    line.send(ready=model)
    while True:
        task = line.task()
        set_limits(task["cpu_s"], task["memory_mib"] * 2**20)
        line.send(**handle_task(work, task, line))


def set_limits(cpu_s: float, memory_bytes: int) -> None:
    """Limit what this process may take for its next job, above what it has taken so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu = int(used.ru_utime + used.ru_stime + cpu_s) + 1
    _soft(resource.RLIMIT_CPU, cpu)
    pages = Path("/proc/self/statm")
    if pages.exists():  # elsewhere the one who started this process watches its memory
        held = int(pages.read_text().split()[0]) * resource.getpagesize()
        _soft(resource.RLIMIT_AS, held + memory_bytes)


def _soft(kind: int, value: int) -> None:
    hard = resource.getrlimit(kind)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, hard))


def handle_task(work: Work, task: dict[str, Any], line: ParentChannel) -> dict[str, Any]:
    """What came of a task: a report, or why there is none."""
    try:
        return {"report": work(task, line)}
    except MediaError as error:
        return {"refused": str(error)}
    except MemoryError:
        return {"failed": "memory"}
    except Exception as error:
        log.exception("the analysis broke down")
        return {"failed": "crash", "words": type(error).__name__}


def analyze(analyzer: Any, task: dict[str, Any], line: ParentChannel) -> dict[str, Any]:
    """Check the file against its limits, then analyze it, or the stretch that is asked for."""
    from unmask.serving.analyzer import WINDOW_S
    from unmask.serving.media_limits import MediaLimits, check_media_limits
    from unmask.serving.progress import ProgressTimer

    path, shown_as = Path(task["path"]), task["shown_as"]
    start_s, end_s = task.get("start_s") or 0.0, task.get("end_s") or math.inf
    whole_s = check_media_limits(path, shown_as, MediaLimits(**task["limits"]), (start_s, end_s))
    watch = ProgressTimer(_teller(line))
    asked_s = max(min(end_s, whole_s) - start_s, 0.0)
    watch.set_total(asked_s, analyzer.preprocessing.sampling.rate_hz, WINDOW_S)
    pictures = Path(task["folder"]) if task["pictures"] else None
    extra = {"shown_as": shown_as, "watch": watch, "evidence_dir": pictures}
    if (start_s, end_s) == (0.0, math.inf):
        return analyzer.analyze(path, **extra).model_dump(mode="json")
    # what a killed process leaves there, the one who made the folder removes
    with TemporaryDirectory(prefix="unmask-", dir=task["folder"] or None) as folder:
        part = Path(folder) / "part.mkv"
        return _analyze_part(analyzer, (path, part), (start_s, end_s), extra)


def _analyze_part(
    analyzer: Any,
    paths: tuple[Path, Path],
    region: tuple[float, float],
    extra: dict[str, Any],
) -> dict[str, Any]:
    from unmask.serving.trimming import describe_source, shift_report_times, trim

    (path, part), (start_s, end_s) = paths, region
    begin_s = trim(path, start_s, end_s, part, extra["shown_as"])
    part_s = max(start_s - begin_s, 0.0), end_s - begin_s
    report = analyzer.analyze(part, part_s=part_s, **extra)
    media = describe_source(path, extra["shown_as"], report.media)
    said = f"from {start_s:g} s to {min(end_s, media.duration_s):g} s"
    return shift_report_times(report, begin_s, media, said).model_dump(mode="json")


def _teller(line: ParentChannel) -> Any:
    last = [0.0]

    def tell(stage: str, percent: float) -> None:
        moment = time.monotonic()
        if moment - last[0] >= TELL_S:
            last[0] = moment
            line.send(progress=[stage, percent])

    return tell


if __name__ == "__main__":
    main()
