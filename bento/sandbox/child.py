"""The sandboxed child process: decodes and analyzes one file at a time under resource limits.

Started as ``python -m bento.sandbox FD FOLDER``, where FD is its end of the socket. It exits when
the parent process closes the other end.
"""

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
from typing import Any

from bento.paths import BUNDLE_DIR
from bento.sandbox.protocol import (
    AnalysisTask,
    Failure,
    Message,
    Progress,
    Ready,
    Result,
    TaskMessage,
)
from unmask.errors import MediaError, UnmaskError
from unmask.serving.report.schema import Report

PROGRESS_INTERVAL_S = 0.2
NICENESS = 19
UNDECODABLE = "cannot be decoded; upload another copy of the video"

log = logging.getLogger(__name__)


class ParentChannel:
    """The socket to the parent process."""

    def __init__(self, descriptor: int) -> None:
        self._file = socket.socket(fileno=descriptor).makefile("rwb")
        self._tasks: queue.Queue[TaskMessage] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        try:
            for line in self._file:
                self._tasks.put(TaskMessage.model_validate_json(line))
        finally:
            os._exit(0)  # the parent has exited

    def next_task(self) -> TaskMessage:
        """Wait for the next task."""
        return self._tasks.get()

    def send(self, message: Message) -> None:
        """Send a message."""
        self._file.write(message.to_line())
        self._file.flush()


Analyze = Callable[[AnalysisTask, ParentChannel], Report | None]
Prepare = Callable[[AnalysisTask], None]


def main() -> None:
    """Load the detector, then handle tasks until the parent exits."""
    channel = ParentChannel(int(sys.argv[1]))
    lower_priority()
    from unmask.serving.analyzer import BUNDLE_VARIABLE, Analyzer

    try:
        use_packaged = BUNDLE_DIR.is_dir() and BUNDLE_VARIABLE not in os.environ
        analyzer = Analyzer.load(BUNDLE_DIR if use_packaged else None)
    except UnmaskError as error:
        channel.send(Failure(kind="no_detector", message=str(error)))
        return
    _log_missing_evidence()
    run_loop(
        channel, analyzer.bundle.sha256, partial(analyze, analyzer), partial(prepare, analyzer)
    )


def _log_missing_evidence() -> None:
    from unmask.serving.evidence_renderer import missing_packages

    if missing := missing_packages():
        log.warning(
            "jobs get no evidence: %s missing; install unmask[explain], or package the detector "
            "with --evidence",
            ", ".join(missing),
        )


def lower_priority() -> None:
    """Lower the CPU priority, so that requests are served before the analysis."""
    os.nice(NICENESS)
    if hasattr(os, "SCHED_IDLE"):  # niceness alone still lets it finish its time slice
        with suppress(OSError):  # a container may forbid it
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def run_loop(channel: ParentChannel, model_sha256: str, analyze: Analyze, prepare: Prepare) -> None:
    """Handle one task after another.

    Args:
        prepare: Called before the limits of a task count.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ^C is handled by the parent
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    channel.send(Ready(model_sha256=model_sha256))
    while True:
        message = channel.next_task()
        prepare(message.task)
        set_limits(message.cpu_s, message.memory_mib * 2**20)
        channel.send(handle_task(analyze, message.task, channel))


def set_limits(cpu_s: float, memory_bytes: int) -> None:
    """Set soft limits of CPU time and memory for the next task, beyond what is used so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _set_soft_limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime + cpu_s) + 1)
    statm = Path("/proc/self/statm")
    if statm.exists():  # elsewhere the parent watches this process's memory
        held_bytes = int(statm.read_text().split()[0]) * resource.getpagesize()
        _set_soft_limit(resource.RLIMIT_AS, held_bytes + memory_bytes)


def _set_soft_limit(kind: int, value: int) -> None:
    hard = resource.getrlimit(kind)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, hard))


def handle_task(analyze: Analyze, task: AnalysisTask, channel: ParentChannel) -> Result | Failure:
    """Return a task's report, or the failure."""
    try:
        return Result(report=analyze(task, channel))
    except MediaError as error:
        return Failure(kind="unreadable", message=str(error))
    except MemoryError:
        return Failure(kind="memory")
    except Exception as error:
        log.exception("the analysis failed")
        if _is_of_decoder(error):
            return Failure(kind="unreadable", message=f"{task.shown_as}: {UNDECODABLE}")
        return Failure(kind="crash", message=type(error).__name__)


def _is_of_decoder(error: Exception) -> bool:
    """Return whether FFmpeg refuses the file's content, which another attempt does not change."""
    import av

    return isinstance(error, av.FFmpegError)


def prepare(analyzer: Any, task: AnalysisTask) -> None:
    """Load torch for evidence, whose memory is not the task's; the analysis repeats an error."""
    if task.save_evidence:
        with suppress(UnmaskError):
            analyzer.prepare_evidence()


def analyze(analyzer: Any, task: AnalysisTask, channel: ParentChannel) -> Report:
    """Check the file against its limits, then analyze it or the requested part."""
    from unmask.serving.analyzer import WINDOW_S
    from unmask.serving.media_limits import check_media_limits, limit_decoding, media_sha256
    from unmask.serving.progress import ProgressTimer

    media_sha256(task.path)  # before anything else; kept for the report
    part_s = task.start_s or 0.0, task.end_s or math.inf
    total_s = check_media_limits(task.path, task.shown_as, task.limits, part_s)
    timer = ProgressTimer(_progress_reporter(channel))
    duration_s = max(min(part_s[1], total_s) - part_s[0], 0.0)
    timer.set_total(duration_s, analyzer.preprocessing.sampling.rate_hz, WINDOW_S)
    with limit_decoding(task.limits):
        report: Report = analyzer.analyze(
            task.path,
            shown_as=task.shown_as,
            timer=timer,
            evidence_dir=task.work_dir if task.save_evidence else None,
            time_range_s=part_s,
        )
    return report


def _progress_reporter(channel: ParentChannel) -> Callable[[str, float], None]:
    last_s = 0.0

    def report_progress(stage: str, percent: float) -> None:
        nonlocal last_s
        now_s = time.monotonic()
        if now_s - last_s >= PROGRESS_INTERVAL_S:
            last_s = now_s
            channel.send(Progress(stage=stage, percent=percent))

    return report_progress
