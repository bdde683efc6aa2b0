"""A service of a test's own: its own table and files, and a worker whose detector obeys."""

import os
import shutil
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from bento.api.app import create_app
from bento.api.dependencies import RequestContext
from bento.api.middleware.security import SecurityMiddleware
from bento.container import Services
from bento.sandbox.channel import ROOT
from bento.sandbox.runner import SandboxedAnalyzer
from bento.settings import ServiceSettings
from bento.uploads.submission import SubmissionService
from bento.worker.job_runner import Worker
from bento.worker.maintenance import MaintenanceLoop
from tests.bento.servers import database, redis, s3

__all__ = ["database", "redis", "s3"]

HERE = Path(__file__).parent
STAND_IN = [sys.executable, str(HERE / "fakes/scripted_child.py")]
PATIENCE_S = 150  # other work may run beside


@dataclass
class Office:
    """A service without BentoML around it."""

    parts: Services
    client: TestClient
    keeper: MaintenanceLoop

    def submit(self, text="ok", name="a.mp4", key=None, **form):
        headers = {"Idempotency-Key": key} if key else {}
        answer = self.client.post(
            "/analyze-video", files={"file": (name, text.encode())}, data=form, headers=headers
        )
        assert answer.status_code == 202, answer.text
        return answer.json()["job_id"]

    def job(self, job_id):
        answer = self.client.get(f"/jobs/{job_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def until(self, job_id, *statuses):
        statuses = statuses or ("done", "failed", "cancelled")
        end = time.monotonic() + PATIENCE_S
        while (job := self.job(job_id))["status"] not in statuses:
            assert time.monotonic() < end, job
            time.sleep(0.05)
        return job


@pytest.fixture
def office(tmp_path, examiner):
    """Open services with settings of the test's; all of one test share table and files."""
    opened = []

    def start(**settings):
        settings = {"folder": tmp_path / "service", "poll_s": 0.02, **settings}
        settings = ServiceSettings(**settings)
        parts = Services.from_settings(settings)
        app = create_app(settings)
        app.state.desk = RequestContext(parts, SubmissionService(parts))
        app.state.analyzer = examiner
        front = SecurityMiddleware(app, local=settings.api_keys_file is None)
        client = TestClient(front, base_url="http://localhost", raise_server_exceptions=False)
        opened.append(parts)
        return Office(parts, client, MaintenanceLoop(parts))

    yield start
    for parts in opened:
        parts.engine.dispose()


@pytest.fixture(scope="session")
def examiner():
    """One child for all tests that do not mind whose it was before."""
    held = SandboxedAnalyzer(ServiceSettings(), STAND_IN)
    yield held
    held.close()


@pytest.fixture
def working(examiner):
    """A worker in this process, for the length of a block; `own` gives it a child of its own."""

    @contextmanager
    def run(office, own=False):
        parts = office.parts
        held = SandboxedAnalyzer(parts.settings, STAND_IN) if own else examiner
        worker = Worker(parts.settings, parts.claims, parts.store, held)
        thread = threading.Thread(target=worker.run)
        thread.start()
        try:
            yield worker
        finally:
            worker.stopping.set()
            thread.join()
            if own:
                held.close()

    return run


@pytest.fixture
def served():
    """Serve an office's application on a port of its own; gives its address."""
    running = []

    def start(office):
        import uvicorn

        # `ws` would import what warns of its age
        how = {"port": 0, "log_level": "error", "ws": "none", "lifespan": "off"}
        config = uvicorn.Config(office.client.app, **how)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        running.append((server, thread))
        while not server.started:
            time.sleep(0.01)
        return f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"

    yield start
    for server, thread in running:
        server.should_exit = server.force_exit = True
        thread.join()


@pytest.fixture(scope="module")
def chromium():
    """A real browser of this machine; none is downloaded.

    Its loop stays in this thread while it is open, so it is closed before others want theirs.
    """
    playwright = pytest.importorskip("playwright.sync_api")
    found = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
    )
    if not found:
        pytest.skip("no Chromium on this machine; install the package `chromium`")
    with playwright.sync_playwright() as driver:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = driver.chromium.launch(executable_path=found, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def browse(chromium):
    """Open pages; what the browser complains of fails the test, unless it was to be expected."""
    contexts, complaints = [], []

    def start(expected=(), **look):
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}, **look})
        contexts.append(context)
        page = context.new_page()

        def complain(words):
            if not any(one in words for one in expected):
                complaints.append(words)

        # breaches of the content-security policy are among the errors
        page.on("console", lambda said: said.type in ("error", "warning") and complain(said.text))
        page.on("pageerror", lambda error: complain(str(error)))
        page.set_default_timeout(PATIENCE_S * 1000)
        return page

    yield start
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def worker_process():
    """Start workers as processes of their own; those still alive are ended with the test."""
    started = []

    def start(settings, **environment):
        told = {f"UNMASK_{name.upper()}": str(value) for name, value in settings.items()}
        path = os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", "")))
        process = subprocess.Popen(
            [sys.executable, str(HERE / "fakes/scripted_worker.py")],
            env={**os.environ, "PYTHONPATH": path, **told, **environment},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
