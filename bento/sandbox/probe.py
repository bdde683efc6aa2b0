"""Opens uploads in confined child processes, so that what is no video is refused at once."""

import logging
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bento.errors import AnalysisCrashedError
from bento.sandbox.protocol import AnalysisTask
from bento.sandbox.runner import SandboxedAnalyzer, media_limits
from bento.settings import ServiceSettings
from unmask.errors import BundleError

PROBE_COMMAND = (sys.executable, "-P", "-m", "bento.sandbox.probe_child")
WALL_S = 5.0  # an upload that takes longer is for the worker, which has more time
MEMORY_MIB = 512
CHILDREN = 2

log = logging.getLogger(__name__)


class SandboxedProbe:
    """Opens one upload per child process at a time; a tenant has at most one of them.

    An upload is refused only if it was opened and holds nothing to analyze. One that takes too
    long, or crashes the child, goes on to the worker, which decides with more time and memory.

    Args:
        command: Command of the child processes, which start with the first upload.
    """

    def __init__(self, settings: ServiceSettings, command: Sequence[str] = PROBE_COMMAND) -> None:
        self._limits = media_limits(settings)
        limited = {"job_wall_s": WALL_S, "job_cpu_s": WALL_S, "job_memory_mib": MEMORY_MIB}
        limited_settings = settings.model_copy(update=limited)
        self._children = [SandboxedAnalyzer(limited_settings, command) for _ in range(CHILDREN)]
        self._idle = list(self._children)
        self._busy_tenants: set[str] = set()
        self._changed = threading.Condition()

    def check(self, path: Path, shown_as: str, tenant: str) -> None:
        """Open an upload.

        Raises:
            MediaError: Nothing in it can be analyzed.
        """
        task = AnalysisTask(path=path, shown_as=shown_as, limits=self._limits)
        with self._child_for(tenant) as child:
            try:
                child.check(task)
            except (AnalysisCrashedError, BundleError) as error:
                log.warning("an upload could not be probed and is left to the worker: %s", error)

    def close(self) -> None:
        """Kill the child processes."""
        for child in self._children:
            child.close()

    @contextmanager
    def _child_for(self, tenant: str) -> Iterator[SandboxedAnalyzer]:
        with self._changed:
            self._changed.wait_for(lambda: self._idle and tenant not in self._busy_tenants)
            child = self._idle.pop()
            self._busy_tenants.add(tenant)
        try:
            yield child
        finally:
            with self._changed:
                self._idle.append(child)
                self._busy_tenants.discard(tenant)
                self._changed.notify_all()
