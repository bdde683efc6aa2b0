"""The BentoML service: HTTP API, frontend and, unless a task queue is configured, the worker.

The detector is the folder that ``UNMASK_BUNDLE`` names; by default ``bundle/`` in this package,
where `make train` puts the champion and `bentoml build` finds it.
"""

import gc
import sys
import tempfile
from contextlib import suppress

import bentoml

from bento.api.app import create_app
from bento.api.dependencies import RequestContext
from bento.api.middleware.security import SecurityMiddleware
from bento.container import Services
from bento.sandbox.channel import exit_with_parent
from bento.sandbox.runner import SandboxedAnalyzer
from bento.security.bind_address import require_api_keys_for_public_bind
from bento.settings import ServiceSettings
from bento.uploads.submission import SubmissionService
from bento.worker.embedded import EmbeddedWorker
from bento.worker.maintenance import MaintenanceLoop

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
        services = Services.from_settings(SETTINGS)
        tempfile.tempdir = str(services.store.work)  # has room for uploads
        self._engine = services.engine
        self._analyzer = SandboxedAnalyzer(SETTINGS)
        app.state.context = RequestContext(services, SubmissionService(services))
        app.state.analyzer = self._analyzer
        self._maintenance = MaintenanceLoop(services)
        self._maintenance.start()
        self._worker = EmbeddedWorker() if SETTINGS.embedded else None
        app.openapi()  # builds the routes as well, or the first request would wait for it
        gc.freeze()  # startup objects live forever; collecting them would pause every request

    @bentoml.on_shutdown
    def close(self) -> None:
        """Stop the background work."""
        if self._worker is not None:
            self._worker.stop()
        self._maintenance.stop()
        self._analyzer.close()

    def __is_ready__(self) -> bool:
        """Return whether the database is available and the worker runs."""
        with suppress(Exception), self._engine.connect():
            return self._worker is None or self._worker.alive
        return False


# the decorator has replaced the class by a BentoML service
UnmaskService.add_asgi_middleware(  # type: ignore[attr-defined]
    SecurityMiddleware, local=SETTINGS.api_keys_file is None
)
require_api_keys_for_public_bind(SETTINGS, sys.argv)  # in every process that BentoML starts
if "--fd" in sys.argv:  # a worker of BentoML that outlived its supervisor would keep the port
    exit_with_parent()
