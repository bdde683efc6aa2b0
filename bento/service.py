"""The BentoML service: HTTP API, frontend and, unless a task queue is configured, the worker.

The detector is the folder that ``UNMASK_BUNDLE`` names; by default ``bundle/`` in this package,
where `make train` puts the champion and `bentoml build` finds it.
"""

import gc
import logging
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

import bentoml

from bento.api.app import create_app
from bento.api.connections.protocol import install_guard
from bento.api.dependencies import RequestContext
from bento.api.middleware.own_routes import OwnRoutesMiddleware
from bento.api.middleware.request_timer import remove_request_timer
from bento.api.middleware.security import SecurityMiddleware
from bento.container import Services
from bento.log_records import install_printable_records
from bento.sandbox.channel import exit_with_parent
from bento.sandbox.probe import SandboxedProbe
from bento.sandbox.runner import SandboxedAnalyzer
from bento.security.bind_address import require_api_keys_for_public_bind
from bento.settings import ServiceSettings
from bento.uploads.submission import SubmissionService
from bento.worker.embedded import EmbeddedWorker
from bento.worker.maintenance import MaintenanceLoop

BUSY_TIMEOUT_S = 3.0  # of a request while the database is locked; then it gets 503
STOP_DEADLINE_S = 30.0  # requests, worker and webhooks end earlier, unless something hangs

log = logging.getLogger(__name__)

SETTINGS = ServiceSettings.from_environment()

app = create_app(SETTINGS)


@bentoml.service(
    name="unmask",
    workers=1,
    traffic={"timeout": 3600},
    http={"host": "127.0.0.1", "port": 3000},
    # no tracing: no collector is configured, and every block of an upload would be a span
    tracing={"excluded_urls": ".*"},
    # BentoML's metrics are labelled by path, which would expose and keep all job ids
    metrics={"enabled": False},
)
@bentoml.asgi_app(app, path="/")
class UnmaskService:
    """Audio-visual deepfake detection. Uploads never leave this machine."""

    def __init__(self) -> None:
        """Connect to database, store and task queue, and start the background work."""
        services = Services.from_settings(SETTINGS, busy_timeout_s=BUSY_TIMEOUT_S)
        tempfile.tempdir = str(services.store.work)  # has room for uploads
        self._worker = EmbeddedWorker() if SETTINGS.embedded else None
        self._analyzer = SandboxedAnalyzer(SETTINGS)
        self._probe = SandboxedProbe(SETTINGS)
        submissions = SubmissionService(services, self._probe)
        app.state.context = RequestContext(services, submissions, worker_alive=self._worker_alive)
        app.state.analyzer = self._analyzer
        self._maintenance = MaintenanceLoop(services)
        self._maintenance.start()
        call_on_stop_signal(self._prepare_stop)
        app.openapi()  # builds the routes as well, or the first request would wait for it
        gc.freeze()  # startup objects live forever; collecting them would pause every request

    def _prepare_stop(self) -> None:
        """Keep the worker, which gets the signal as well, from being restarted."""
        if self._worker is not None:
            self._worker.disable_restart()
        deadline = threading.Timer(STOP_DEADLINE_S, _exit_now)
        deadline.daemon = True
        deadline.start()

    @bentoml.on_shutdown
    def close(self) -> None:
        """Stop the background work."""
        if self._worker is not None:
            self._worker.stop()
        self._maintenance.stop()
        self._analyzer.close()
        self._probe.close()

    def _worker_alive(self) -> bool:
        return self._worker is None or self._worker.alive


def call_on_stop_signal(callback: Callable[[], None]) -> None:
    """Call ``callback`` before the present handlers of SIGTERM and SIGINT; main thread only."""
    if threading.current_thread() is not threading.main_thread():  # in tests
        return

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _calling_first(callback, signal.getsignal(number)))


def _calling_first(callback: Callable[[], None], handler: Any) -> Callable[..., None]:
    def handle(number: int, frame: FrameType | None) -> None:
        callback()
        if callable(handler):
            handler(number, frame)

    return handle


def _exit_now() -> None:
    log.error("the service did not stop within %.0f s and exits now", STOP_DEADLINE_S)
    os._exit(1)


# the decorator has replaced the class by a BentoML service
UnmaskService.add_asgi_middleware(  # type: ignore[attr-defined]
    SecurityMiddleware, local=SETTINGS.api_keys_file is None, root_path=SETTINGS.root_path
)
UnmaskService.add_asgi_middleware(OwnRoutesMiddleware, own=app)  # type: ignore[attr-defined]
require_api_keys_for_public_bind(SETTINGS, sys.argv)  # in every process that BentoML starts
remove_request_timer()
install_printable_records()
install_guard(SETTINGS.max_connections_per_address)
if "--fd" in sys.argv:  # a worker of BentoML that outlived its supervisor would keep the port
    exit_with_parent()
