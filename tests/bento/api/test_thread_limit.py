"""Work that takes long leaves threads for quick requests."""

import threading
import time

import httpx

from bento.api.routes import submissions
from tests.factories import wait_until


def test_requests_are_answered_while_batches_are_unpacked(make_service, live_server, monkeypatch):
    """More batches are under way than there are threads for requests."""
    service = make_service()
    go_on, running = threading.Event(), []

    def unpack(*_):
        running.append(1)
        go_on.wait(60)
        return []

    monkeypatch.setattr(submissions, "_submit_files", unpack)
    url = live_server(service)
    files = {"files": ("a.mp4", b"ok")}
    threads = [
        threading.Thread(target=httpx.post, args=(f"{url}/batch",), kwargs={"files": files})
        for _ in range(50)
    ]
    for thread in threads:
        thread.start()
    wait_until(lambda: running)
    start = time.monotonic()
    assert httpx.get(f"{url}/limits").status_code == 200
    assert time.monotonic() - start < 2
    assert len(running) <= 8
    go_on.set()
    for thread in threads:
        thread.join()
    assert len(running) == 50
