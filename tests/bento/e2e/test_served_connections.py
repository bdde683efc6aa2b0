"""The limits of connections hold in the process that BentoML starts, and so does its stop."""

import resource
import socket
import time

import httpx
import psutil
import pytest

from bento.paths import ROOT
from bento.service import STOP_DEADLINE_S
from tests.bento.servers import bentoml_serve
from tests.factories import wait_until

pytestmark = pytest.mark.services


@pytest.fixture
def served(bundle_folder, tmp_path):
    """A service with a low limit of open files; yields its URL and the process of BentoML."""
    variables = {"UNMASK_BUNDLE": bundle_folder, "UNMASK_FOLDER": tmp_path / "service"}
    with bentoml_serve("bento.service:UnmaskService", ROOT, **variables) as (url, process):
        yield url, process


def child_with(process, argument):
    """Return the descendant of ``process`` whose command line has ``argument``."""
    children = psutil.Process(process.pid).children(recursive=True)
    (child,) = [child for child in children if argument in child.cmdline()]
    return child


def test_stalled_upload_neither_escapes_the_limits_nor_delays_the_stop(served):
    url, process = served
    host, port = httpx.URL(url).host, httpx.URL(url).port
    large = httpx.get(f"{url}/livez", headers={"a": "a" * 40_000})
    assert large.status_code == 431
    assert large.json()["error"]
    server = child_with(process, "--fd")
    soft, hard = server.rlimit(resource.RLIMIT_NOFILE)
    assert soft == min(hard, 65_536)
    worker = child_with(process, "bento.worker")
    with socket.create_connection((host, port)) as upload:
        head = f"POST /analyze-video HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100000\r\n"
        upload.sendall(f"{head}Content-Type: multipart/form-data; boundary=a\r\n\r\n--a".encode())
        wait_until(lambda: len(server.net_connections("tcp")) > 1)
        start = time.monotonic()
        process.terminate()
        process.wait(STOP_DEADLINE_S + 5)
        assert time.monotonic() - start < STOP_DEADLINE_S
    _, alive = psutil.wait_procs([server, worker], timeout=1)
    assert alive == []
