"""The one who holds the child process: gives it work, watches it, replaces it."""

import math
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bento.sandbox.channel import CHILD, ChildExitedError, ChildProcess
from bento.settings import MIB, ServiceSettings
from unmask.errors import BundleError, MediaError, UnmaskError
from unmask.serving.report.schema import Report

LOAD_S = 600.0
WATCH_S = 0.1

ProgressCallback = Callable[[str, float], bool]


class AnalysisCrashedError(UnmaskError):
    """The process that analyzed a file did not survive it, or was ended.

    Attributes:
        kind: ``crash``, ``memory`` or ``time``.
        again: Whether another attempt may succeed.
    """

    def __init__(self, kind: str, words: str, again: bool) -> None:
        super().__init__(words)
        self.kind = kind
        self.retryable = again


class AnalysisCancelledError(UnmaskError):
    """Nobody waits for the answer any more."""


@dataclass(frozen=True, slots=True)
class AnalysisTask:
    """One file to analyze.

    Attributes:
        folder: Where everything goes that is made on the way; empty: where the system has room.
        pictures: Whether evidence is left there.
        limits: Fields of :class:`unmask.serving.media_limits.Limits`.
    """

    path: str
    shown_as: str
    start_s: float | None = None
    end_s: float | None = None
    folder: str = ""
    pictures: bool = False
    limits: dict[str, float] = field(default_factory=dict)


def never_cancel(_stage: str, _percent: float) -> bool:
    """Go on, whatever the stage."""
    return True


class SandboxedAnalyzer:
    """A warm child process that analyzes one file at a time; threads take turns."""

    def __init__(self, settings: ServiceSettings, command: Sequence[str] = CHILD) -> None:
        self._settings = settings
        self._command = command
        self._process: ChildProcess | None = None
        self._model = ""
        self._idle_bytes = 0
        self._turn = threading.Lock()

    def start(self, tick: ProgressCallback = never_cancel) -> str:
        """Have a child ready, and give the hash of its detector.

        Raises:
            BundleError: There is no detector to load.
            AbandonedError: ``tick`` said so while it was loading.
        """
        if self._process is not None and self._process.alive:
            return self._model
        self.close()
        self._process = process = ChildProcess(self._command)
        try:
            said = self._wait(process, tick, "loading", (time.monotonic() + LOAD_S, math.inf))
        except ChildExitedError as death:
            self.close()
            raise BundleError(f"the detector could not be loaded ({death})") from death
        if "ready" not in said:
            self.close()
            raise BundleError(str(said.get("broken")))
        self._model, self._idle_bytes = str(said["ready"]), process.memory_bytes
        return self._model

    def run(self, task: AnalysisTask, tick: ProgressCallback = never_cancel) -> dict[str, Any]:
        """Analyze one file.

        Args:
            tick: Called several times a second with stage and percent; False ends the work.

        Returns:
            The report.

        Raises:
            MediaError: The file cannot be read.
            BrokenDownError: The process died of it, or took more than it may.
            AbandonedError: ``tick`` said so.
        """
        with self._turn:
            self.start(tick)
            try:
                said = self._work(task, tick)
            except ChildExitedError as death:
                self.close()
                raise self._died(death) from death
        if "report" in said:
            return dict(said["report"])
        if "refused" in said:
            raise MediaError(said["refused"])
        self.close()  # what an error has left behind in it is not known
        if said.get("failed") == "memory":
            raise self._too_large()
        words = f"the analysis broke down ({said.get('words')}); send another copy of the video"
        raise AnalysisCrashedError("crash", words, True)

    def analyze(self, path: Path, shown_as: str) -> Report:
        """Analyze one file as :class:`unmask.serving.analyzer.Analyzer` does, in the child."""
        limits = media_limits(self._settings)
        limits["duration_s"] = min(limits["duration_s"], self._settings.predict_max_s)
        task = AnalysisTask(str(path), shown_as, limits=limits)
        return Report.model_validate(self.run(task))

    def close(self) -> None:
        """End the child."""
        if self._process is not None:
            self._process.kill()
        self._process = None

    def _work(self, task: AnalysisTask, tick: ProgressCallback) -> dict[str, Any]:
        process, memory_mib = self._process, self._settings.job_memory_mib
        if process is None:
            raise BundleError("the detector is gone")
        bounds = {"cpu_s": self._settings.job_cpu_s, "memory_mib": memory_mib}
        process.send({**asdict(task), **bounds})
        deadline = time.monotonic() + self._settings.job_wall_s
        return self._wait(process, tick, "decode", (deadline, self._idle_bytes + memory_mib * MIB))

    def _wait(
        self, process: ChildProcess, tick: ProgressCallback, stage: str, most: tuple[float, float]
    ) -> dict[str, Any]:
        """The child's answer, unless time or bytes go above ``most`` before it."""
        percent, (deadline, most_bytes) = 0.0, most
        while True:
            for said in process.receive(WATCH_S):
                if "progress" not in said:
                    return said
                stage, percent = said["progress"]
            try:
                if not tick(stage, percent):
                    raise AnalysisCancelledError("the job was cancelled")
                if time.monotonic() > deadline:
                    raise self._too_slow()
                if process.memory_bytes > most_bytes:
                    raise self._too_large()
            except BaseException:  # what it was at is of no use to whoever comes next
                self.close()
                raise

    def _died(self, death: ChildExitedError) -> AnalysisCrashedError:
        if death.code == -signal.SIGXCPU:
            return self._too_slow()
        words = (
            f"the decoder or the detector broke down on this file ({death}); "
            "send another copy of the video"
        )
        return AnalysisCrashedError("crash", words, True)

    def _too_slow(self) -> AnalysisCrashedError:
        words = (
            f"the analysis took more than {self._settings.job_wall_s:g} s, or "
            f"{self._settings.job_cpu_s:g} s of computing; send a shorter part"
        )
        return AnalysisCrashedError("time", words, False)

    def _too_large(self) -> AnalysisCrashedError:
        most = self._settings.job_memory_mib
        words = f"the analysis took more than {most} MiB of memory; send smaller pictures"
        return AnalysisCrashedError("memory", words, True)


def media_limits(settings: ServiceSettings) -> dict[str, float]:
    """What a file may be, in the words of :class:`unmask.serving.media_limits.Limits`."""
    return {
        "duration_s": settings.max_duration_s,
        "pixels": settings.max_pixels,
        "frames": settings.max_frames,
    }
