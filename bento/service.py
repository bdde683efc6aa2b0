"""The BentoML service: page, routes and, unless a queue is named, the worker.

The detector is the folder that ``UNMASK_BUNDLE`` names; else ``bundle/`` in this package, the
champion that `make train` left there and that `bentoml build` takes along.
"""

import argparse
import gc
import os
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress

import bentoml

from bento.api.app import create_app
from bento.api.dependencies import RequestContext
from bento.api.middleware.security import SecurityMiddleware, is_loopback
from bento.container import Services
from bento.sandbox.channel import child_environment, exit_with_parent
from bento.sandbox.runner import SandboxedAnalyzer
from bento.settings import ServiceSettings
from bento.uploads.submission import SubmissionService
from bento.worker.maintenance import MaintenanceLoop
from unmask.errors import ConfigError

RESTART_S = 1.0
STOP_S = 20.0
_HOST = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
_HOST.add_argument("--host")
SETTINGS = ServiceSettings.from_environment()

app = create_app(SETTINGS)


@bentoml.service(
    name="unmask",
    workers=1,
    traffic={"timeout": 3600},
    http={"host": "127.0.0.1", "port": 3000},
    # nothing collects traces, and each block of an upload would make one
    tracing={"excluded_urls": ".*"},
    # BentoML counts by path: every job's name would be told, and kept for good
    metrics={"enabled": False},
)
@bentoml.asgi_app(app, path="/")
class UnmaskService:
    """Is this video of a talking person genuine? Uploads never leave this machine."""

    def __init__(self) -> None:
        """Connect to table, files and queue, and start the worker where there is no queue."""
        parts = Services.from_settings(SETTINGS)
        tempfile.tempdir = str(parts.store.work)  # uploads arrive where there is room for them
        self._engine = parts.engine
        self._examiner = SandboxedAnalyzer(SETTINGS)
        app.state.desk = RequestContext(parts, SubmissionService(parts))
        app.state.analyzer = self._examiner
        self._keeper = MaintenanceLoop(parts)
        self._keeper.start()
        self._worker = EmbeddedWorker() if SETTINGS.embedded else None
        app.openapi()  # puts the routes together, too: the first of many senders would wait for it
        gc.freeze()  # all that is loaded stays; to look through it again would hold up everybody

    @bentoml.on_shutdown
    def close(self) -> None:
        """End what was started."""
        if self._worker is not None:
            self._worker.stop()
        self._keeper.stop()
        self._examiner.close()

    def __is_ready__(self) -> bool:
        """Whether the database answers and the worker runs."""
        with suppress(Exception), self._engine.connect():
            return self._worker is None or self._worker.alive
        return False


# the decorator above has made a BentoML service of the class
UnmaskService.add_asgi_middleware(  # type: ignore[attr-defined]
    SecurityMiddleware, local=SETTINGS.api_keys_file is None
)


class EmbeddedWorker:
    """A worker process beside the service, started anew whenever it ends."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._process = self._started()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def stop(self) -> None:
        """Let it give its job back and end; one that does not end is killed, its lease runs out."""
        self._stopping.set()
        self._thread.join()
        self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _watch(self) -> None:
        while not self._stopping.wait(RESTART_S):
            if not self.alive:
                self._process = self._started()

    def _started(self) -> subprocess.Popen[bytes]:
        # it ends when the pipe does, so that a killed service leaves none behind
        command = [sys.executable, "-m", "bento.worker.job_runner", "--with-parent"]
        return subprocess.Popen(command, stdin=subprocess.PIPE, env=child_environment())


def require_api_keys_for_public_bind(settings: ServiceSettings) -> None:
    """Refuse to be reached from other machines without API keys.

    Raises:
        ConfigError: The address is not this machine's own, and no keys are named.
    """
    address = bound_host(sys.argv) or host_from_argv(sys.argv)
    if address is not None and not is_loopback(address) and settings.api_keys_file is None:
        raise ConfigError(
            f"{address}: other machines can reach this address, so API keys are needed; "
            "make one with `make key TENANT=name` "
            "(`python -m bento.security.api_keys FILE TENANT`) and set "
            "UNMASK_API_KEYS_FILE=FILE"
        )


def host_from_argv(words: list[str]) -> str | None:
    """What `bentoml serve` was told with ``--host``; None where it was not."""
    found, _ = _HOST.parse_known_args(words[1:])
    return found.host


def bound_host(words: list[str]) -> str | None:
    """Address of the socket that BentoML hands to its worker as ``--fd``; None without one."""
    if "--fd" not in words[:-1]:
        return None
    handle = os.dup(int(words[words.index("--fd") + 1]))
    with socket.socket(fileno=handle) as listening:
        return str(listening.getsockname()[0])


require_api_keys_for_public_bind(SETTINGS)  # before anything is started, in whichever process
if "--fd" in sys.argv:  # what BentoML's first process leaves would hold the port for good
    exit_with_parent()
