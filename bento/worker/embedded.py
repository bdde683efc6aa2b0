"""The worker that the service starts if no task queue is configured."""

import subprocess
import sys
import threading
from collections.abc import Sequence

from bento.sandbox.channel import child_environment

WITH_PARENT = "--with-parent"  # option of `bento.worker`
COMMAND = (sys.executable, "-m", "bento.worker", WITH_PARENT)
RESTART_INTERVAL_S = 1.0
STOP_TIMEOUT_S = 20.0


class EmbeddedWorker:
    """A worker process that is restarted whenever it exits.

    Args:
        command: Command of the worker; its standard input ends when this process does.
        stop_timeout_s: How long the worker may take to release its job before it is killed.
    """

    def __init__(
        self, command: Sequence[str] = COMMAND, stop_timeout_s: float = STOP_TIMEOUT_S
    ) -> None:
        self._command = command
        self._stop_timeout_s = stop_timeout_s
        self._stopping = threading.Event()
        self._restarts = True
        self._process = self._start()
        self._thread = threading.Thread(target=self._restart_on_exit, daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the worker is running."""
        return self._process.poll() is None

    def disable_restart(self) -> None:
        """Do not restart the worker when it exits; may be called by a signal handler."""
        self._restarts = False

    def stop(self) -> int:
        """Terminate the worker, kill it after the timeout, and return its exit code.

        The job of a killed worker is requeued when its lease expires.
        """
        self._stopping.set()
        self._thread.join()
        self._process.terminate()
        try:
            return self._process.wait(self._stop_timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()
        finally:
            _close_pipe(self._process)

    def _restart_on_exit(self) -> None:
        while not self._stopping.wait(RESTART_INTERVAL_S):
            if self._restarts and not self.alive:
                _close_pipe(self._process)
                self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        # the worker exits when the pipe closes, so it does not outlive a killed service
        return subprocess.Popen(self._command, stdin=subprocess.PIPE, env=child_environment())


def _close_pipe(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
