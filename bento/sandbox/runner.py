"""Runs analyses in a sandboxed child process; enforces limits and restarts it after a crash."""

import logging
import math
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from bento.errors import AnalysisCancelledError, AnalysisCrashedError, ChildExitedError
from bento.sandbox.channel import CHILD_COMMAND, ChildProcess
from bento.sandbox.confinement import missing_protections
from bento.sandbox.protocol import (
    AnalysisTask,
    ChildMessage,
    Failure,
    Progress,
    Ready,
    Result,
    TaskMessage,
)
from bento.sandbox.workspace import Workspace
from bento.settings import ServiceSettings
from unmask.errors import BundleError, MediaError
from unmask.serving.file_limits import MIB
from unmask.serving.media_limits import MediaLimits
from unmask.serving.report.schema import Report

LOAD_TIMEOUT_S = 600.0
POLL_S = 0.1
NO_REPORT = "the analysis sent no report; submit the video again"

log = logging.getLogger(__name__)

ProgressCallback = Callable[[str, float], bool]


def never_cancel(_stage: str, _percent: float) -> bool:
    """Ignore progress and continue."""
    return True


@dataclass(frozen=True, slots=True)
class _Watch:
    """Progress callback and limits that apply while the child works."""

    on_progress: ProgressCallback
    deadline_s: float
    max_memory_bytes: float = math.inf


class SandboxedAnalyzer:
    """A warm child process that analyzes one file at a time; concurrent calls wait.

    Args:
        command: Command of the child process.
    """

    def __init__(self, settings: ServiceSettings, command: Sequence[str] = CHILD_COMMAND) -> None:
        self._settings = settings
        self._command = command
        self._process: ChildProcess | None = None
        self._workspace: Workspace | None = None
        self._model_sha256 = ""
        self._idle_memory_bytes = 0
        self._lock = threading.Lock()

    def start(self, on_progress: ProgressCallback = never_cancel) -> str:
        """Start the child unless it is running, and return the hash of its detector.

        Raises:
            BundleError: The detector cannot be loaded.
            AnalysisCancelledError: ``on_progress`` returned False while it was loading.
        """
        if self._process is not None and self._process.alive and self._has_workspace:
            return self._model_sha256
        self.close()
        if missing := missing_protections():
            log.warning("the kernel cannot confine the decoder by %s", " and ".join(missing))
        self._workspace = Workspace(self._settings.work_folder)
        self._process = process = ChildProcess(self._command, self._workspace.folder)
        watch = _Watch(on_progress, time.monotonic() + LOAD_TIMEOUT_S)
        try:
            message = self._wait(process, watch, "loading")
        except ChildExitedError as error:
            self.close()
            raise BundleError(f"the detector cannot be loaded ({error})") from error
        if not isinstance(message, Ready):
            self.close()
            raise BundleError(message.message if isinstance(message, Failure) else "")
        self._model_sha256 = message.model_sha256
        self._idle_memory_bytes = process.memory_bytes
        return self._model_sha256

    def run(self, task: AnalysisTask, on_progress: ProgressCallback = never_cancel) -> Report:
        """Analyze one file.

        Args:
            on_progress: Called several times a second with stage and percent; cancels the
                analysis by returning False.

        Raises:
            MediaError: The file cannot be read.
            AnalysisCrashedError: The child crashed or exceeded a resource limit.
            AnalysisCancelledError: ``on_progress`` returned False.
        """
        result = self._result_of(task, on_progress)
        if result.report is None:
            raise AnalysisCrashedError("crash", NO_REPORT, retryable=True)
        return result.report

    def check(self, task: AnalysisTask) -> None:
        """Let a child that only opens files open one; raises as :meth:`run`."""
        self._result_of(task, never_cancel)

    def _result_of(self, task: AnalysisTask, on_progress: ProgressCallback) -> Result:
        with self._lock:
            self.start(on_progress)
            try:
                message = self._run_task(task, on_progress)
            except ChildExitedError as error:
                self.close()
                raise self._crashed(error) from error
        if isinstance(message, Result):
            return message
        failure = message if isinstance(message, Failure) else Failure(kind="crash")
        if failure.kind == "unreadable":
            raise MediaError(failure.message)
        self.close()  # an error may have left the child in an undefined state
        if failure.kind == "memory":
            raise self._out_of_memory()
        raise AnalysisCrashedError(
            "crash",
            f"the analysis failed ({failure.message}); upload another copy of the video",
            retryable=True,
        )

    def analyze(self, path: Path, shown_as: str) -> Report:
        """Analyze one file like :meth:`unmask.serving.analyzer.Analyzer.analyze`."""
        limits = media_limits(self._settings)
        max_s = min(limits.duration_s, self._settings.predict_max_s)
        limits = replace(limits, duration_s=max_s)
        return self.run(AnalysisTask(path=path, shown_as=shown_as, limits=limits))

    def close(self) -> None:
        """Kill the child process, if any."""
        if self._process is not None:
            self._process.kill()
        if self._workspace is not None:
            self._workspace.remove()
        self._process = self._workspace = None

    @property
    def _has_workspace(self) -> bool:
        """Whether the child's folder exists; one that was idle for a day is purged."""
        return self._workspace is not None and self._workspace.folder.is_dir()

    def _run_task(
        self, task: AnalysisTask, on_progress: ProgressCallback
    ) -> Ready | Result | Failure:
        process, workspace = self._process, self._workspace
        if process is None or workspace is None:
            raise BundleError("the child process is not running")
        cpu_s, memory_mib = self._settings.job_cpu_s, self._settings.job_memory_mib
        with workspace.staged(task) as staged:
            process.send(TaskMessage(task=staged, cpu_s=cpu_s, memory_mib=memory_mib))
            watch = _Watch(
                on_progress,
                deadline_s=time.monotonic() + self._settings.job_wall_s,
                max_memory_bytes=self._idle_memory_bytes + memory_mib * MIB,
            )
            return self._wait(process, watch, "decode")

    def _wait(self, process: ChildProcess, watch: _Watch, stage: str) -> Ready | Result | Failure:
        """Wait for a message other than progress; close the child if a limit is exceeded."""
        percent = 0.0
        try:
            while True:
                for message in _receive(process):
                    if not isinstance(message, Progress):
                        return message
                    stage, percent = message.stage, message.percent
                if not watch.on_progress(stage, percent):
                    raise AnalysisCancelledError("the job was cancelled")
                if time.monotonic() > watch.deadline_s:
                    raise self._out_of_time()
                if process.memory_bytes > watch.max_memory_bytes:
                    raise self._out_of_memory()
        except BaseException:  # the child is still busy with a task that no one waits for
            self.close()
            raise

    def _crashed(self, error: ChildExitedError) -> AnalysisCrashedError:
        if error.exit_code == -signal.SIGXCPU:
            return self._out_of_time()
        message = (
            f"the decoder or the detector crashed on this file ({error}); "
            "upload another copy of the video"
        )
        return AnalysisCrashedError("crash", message, retryable=True)

    def _out_of_time(self) -> AnalysisCrashedError:
        message = (
            f"the analysis exceeded {self._settings.job_wall_s:g} s, or "
            f"{self._settings.job_cpu_s:g} s of CPU time; submit a shorter part"
        )
        return AnalysisCrashedError("time", message, retryable=False)

    def _out_of_memory(self) -> AnalysisCrashedError:
        message = (
            f"the analysis exceeded {self._settings.job_memory_mib} MiB of memory; "
            "submit a video with a lower resolution"
        )
        return AnalysisCrashedError("memory", message, retryable=True)


def _receive(process: ChildProcess) -> list[ChildMessage]:
    try:
        return process.receive(POLL_S)
    except ValidationError as error:
        message = "the analysis sent an invalid message; submit the video again"
        raise AnalysisCrashedError("crash", message, retryable=True) from error


def media_limits(settings: ServiceSettings) -> MediaLimits:
    """Return the limits that the settings put on a media file."""
    return MediaLimits(
        duration_s=settings.max_duration_s, pixels=settings.max_pixels, frames=settings.max_frames
    )
