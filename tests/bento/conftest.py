"""A service with a temporary database and store, and a worker with a scripted child process."""

import os
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from bento.api.app import create_app
from bento.api.dependencies import RequestContext
from bento.api.middleware.security import SecurityMiddleware
from bento.container import Services
from bento.db.functions import db_now
from bento.paths import ROOT
from bento.sandbox.runner import SandboxedAnalyzer
from bento.settings import ServiceSettings
from bento.uploads.submission import SubmissionService
from bento.worker.job_runner import Worker
from bento.worker.maintenance import RESEND_S, ROUND_S, MaintenanceLoop
from tests.bento.servers import database, redis, s3_endpoint
from tests.factories import TIMEOUT_S, wait_until

__all__ = ["database", "redis", "s3_endpoint"]

HERE = Path(__file__).parent
SCRIPTED_CHILD = [sys.executable, str(HERE / "fakes/scripted_child.py")]


@dataclass
class ServiceUnderTest:
    """A service without BentoML around it."""

    app: FastAPI
    services: Services
    client: TestClient
    maintenance: MaintenanceLoop

    def submit(self, text="ok", name="a.mp4", key=None, **form):
        headers = {"Idempotency-Key": key} if key else {}
        response = self.client.post(
            "/analyze-video", files={"file": (name, text.encode())}, data=form, headers=headers
        )
        assert response.status_code == 202, response.text
        return response.json()["job_id"]

    def job(self, job_id):
        response = self.client.get(f"/jobs/{job_id}")
        assert response.status_code == 200, response.text
        return response.json()

    def acquire_concurrently(self, job_id, workers):
        """Return what each of ``workers`` threads gets that ask for the job's lease at once."""
        leases, barrier = [], threading.Barrier(workers)

        def acquire():
            barrier.wait()
            leases.append(self.services.leases.acquire(job_id))

        threads = [threading.Thread(target=acquire) for _ in range(workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return leases

    def wait_for(self, job_id, *statuses):
        """Wait until the job has ended, or has one of ``statuses``, and return it."""
        statuses = statuses or ("done", "failed", "cancelled")
        return wait_until(lambda: (job := self.job(job_id))["status"] in statuses and job)


@pytest.fixture
def make_service(tmp_path, analyzer):
    """Create services; all services of one test share database and files."""
    opened = []

    def start(*, clock=db_now, resend_s=RESEND_S, round_s=ROUND_S, **settings):
        settings = {"folder": tmp_path / "service", "poll_s": 0.02, **settings}
        settings = ServiceSettings(**settings)
        services = Services.from_settings(settings, clock)
        app = create_app(settings)
        app.state.context = RequestContext(services, SubmissionService(services))
        app.state.analyzer = analyzer
        secured = SecurityMiddleware(
            app, local=settings.api_keys_file is None, root_path=settings.root_path
        )
        client = TestClient(
            secured,
            base_url="http://localhost",
            raise_server_exceptions=False,
            client=("127.0.0.1", 50_000),
        )
        opened.append(services)
        return ServiceUnderTest(app, services, client, MaintenanceLoop(services, round_s, resend_s))

    yield start
    for services in opened:
        services.engine.dispose()


@pytest.fixture(scope="session")
def analyzer(tmp_path_factory):
    """One scripted child process for all tests that can share it."""
    settings = ServiceSettings(folder=tmp_path_factory.mktemp("analyzer"))
    shared = SandboxedAnalyzer(settings, SCRIPTED_CHILD)
    yield shared
    shared.close()


@pytest.fixture
def running_worker(analyzer):
    """Run a worker in a thread of this process; ``own`` starts a child process with `command`."""

    @contextmanager
    def run(service, own=False, command=SCRIPTED_CHILD):
        services = service.services
        child = SandboxedAnalyzer(services.settings, command) if own else analyzer
        worker = Worker(services.settings, services.leases, services.store, child)
        thread = threading.Thread(target=worker.run)
        thread.start()
        try:
            yield worker
        finally:
            worker.stopping.set()
            thread.join()
            if own:
                child.close()

    return run


@pytest.fixture
def live_server():
    """Serve a service's application on a free port; returns its URL."""
    running = []

    def start(service):
        import uvicorn

        # the default of `ws` imports a module that raises a DeprecationWarning
        options = {"port": 0, "log_level": "error", "ws": "none", "lifespan": "off"}
        server = uvicorn.Server(uvicorn.Config(service.client.app, **options))
        thread = threading.Thread(target=server.run)
        thread.start()
        running.append((server, thread))
        wait_until(lambda: server.started)
        return f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"

    yield start
    for server, thread in running:
        server.should_exit = server.force_exit = True
        thread.join()


@pytest.fixture(scope="module")
def chromium():
    """The Chromium that is installed on this machine.

    Playwright's event loop occupies this thread while the browser is open, hence module scope.
    """
    playwright = pytest.importorskip("playwright.sync_api")
    names = ("chromium", "chromium-browser", "google-chrome")
    executable = next(filter(None, map(shutil.which, names)), "")
    if not executable:
        pytest.skip("no Chromium on this machine; install the package `chromium`")
    with playwright.sync_playwright() as driver:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = driver.chromium.launch(executable_path=executable, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium):
    """Open pages; console errors and warnings fail the test unless listed in ``expected``."""
    contexts, problems = [], []

    def start(expected=(), **options):
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()

        def record(message):
            if not any(text in message for text in expected):
                problems.append(message)

        # violations of the content security policy are console errors
        page.on("console", lambda entry: entry.type in ("error", "warning") and record(entry.text))
        page.on("pageerror", lambda error: record(str(error)))
        page.set_default_timeout(TIMEOUT_S * 1000)
        return page

    yield start
    for context in contexts:
        context.close()
    assert problems == []


@pytest.fixture
def worker_process():
    """Start workers, or another script, in processes; the fixture kills those that still run."""
    started = []

    def start(settings, script="scripted_worker.py", arguments=(), **environment):
        variables = {f"UNMASK_{name.upper()}": str(value) for name, value in settings.items()}
        path = os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", "")))
        process = subprocess.Popen(
            [sys.executable, str(HERE / "fakes" / script), *arguments],
            env={**os.environ, "PYTHONPATH": path, **variables, **environment},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
