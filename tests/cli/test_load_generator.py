"""The load generator's counting, against a service that answers as scripted."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise

import pytest

from unmask.cli import load_generator
from unmask.cli.load_generator import LoadTest, latency_quantiles_ms
from unmask.cli.load_schedule import Pace
from unmask.errors import ConfigError


class Handler(BaseHTTPRequestHandler):
    """Accepts a submission at the second attempt, loses job 1, fails 2, and runs 3 twice.

    ``server.failures`` are statuses to answer first, by method and number.
    """

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        name = body.split(b'filename="')[1].split(b".")[0].decode()
        if name not in self.server.rejected:
            self.server.rejected.append(name)
            return self._respond(429, {"error": "full"}, {"Retry-After": "0"})
        if failures := self.server.failures.get(("POST", name)):
            return self._respond(failures.pop(), {"error": "bug"}, {})
        self.server.times.append(time.monotonic())
        self.server.bodies.append(body)
        self.server.keys.add(self.headers["Authorization"])
        return self._respond(202, {"job_id": name, "status_url": f"/jobs/{name}"}, {})

    def do_GET(self):
        name = self.path.rsplit("/", 1)[-1]
        if failures := self.server.failures.get(("GET", name)):
            return self._respond(failures.pop(), {"error": "restarting"}, {})
        if name == "1":
            return self._respond(404, {"error": "lost"}, {})
        job = {"job_id": name, "status": "failed" if name == "2" else "done"}
        return self._respond(200, {**job, "attempts": 2 if name == "3" else 1}, {})

    def _respond(self, status, payload, headers):
        content = json.dumps(payload).encode()
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def service():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.rejected, server.bodies, server.keys, server.times = [], [], set(), []
    server.failures = {}
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_losses_failures_retries_and_duplicate_runs_are_counted(service):
    test = LoadTest(f"http://127.0.0.1:{service.server_port}", b"video", 4000, "key")
    results = test.run(jobs=6, clients=3)
    counts = ("jobs", "clients", "lost", "failed", "duplicate_runs", "retries_429", "status_calls")
    assert [results[name] for name in counts] == [6, 3, 1, 1, 1, 6, 6]
    assert service.keys == {"Bearer key"}


def test_uploads_are_padded_and_differ(service):
    LoadTest(f"http://127.0.0.1:{service.server_port}", b"video", 4000, None).run(6, 2)
    assert len(set(service.bodies)) == 6
    assert all(len(body) > 4000 for body in service.bodies)


def test_more_clients_than_jobs_are_not_started(service):
    test = LoadTest(f"http://127.0.0.1:{service.server_port}", b"video", 4000, None)
    assert test.run(jobs=1, clients=8)["clients"] == 1


def test_failed_requests_are_counted_and_the_test_goes_on(service, monkeypatch):
    monkeypatch.setattr(load_generator, "RETRY_INTERVAL_S", 0.0)
    service.failures = {("POST", "4"): [500], ("GET", "5"): [503]}
    test = LoadTest(f"http://127.0.0.1:{service.server_port}", b"video", 4000, None)
    results = test.run(jobs=6, clients=2)
    assert results["errors"] == {"HTTP 500": 1, "HTTP 503": 1}
    assert (results["not_accepted"], results["lost"], results["failed"]) == (1, 1, 1)


def test_a_service_that_answers_no_status_request_has_lost_the_job(service, monkeypatch):
    monkeypatch.setattr(load_generator, "RETRY_INTERVAL_S", 0.0)
    monkeypatch.setattr(load_generator, "MAX_FAILED_POLLS", 3)
    service.failures = {("GET", "0"): [503] * 5}
    results = LoadTest(f"http://127.0.0.1:{service.server_port}", b"video", 4000, None).run(1, 1)
    assert (results["lost"], results["errors"]) == (1, {"HTTP 503": 3})


def test_a_service_that_accepts_nothing_has_no_latencies(service):
    service.failures = {("POST", "0"): [500]}
    results = LoadTest(f"http://127.0.0.1:{service.server_port}", b"video", 4000, None).run(1, 1)
    assert (results["not_accepted"], results["lost"]) == (1, 0)
    assert (results["submit_ms"], results["accepted_per_s"]) == ({}, 0.0)


def test_submissions_keep_their_pace_whichever_client_sends_them(service):
    test = LoadTest(f"http://127.0.0.1:{service.server_port}", b"video", 4000, None)
    results = test.run(jobs=5, clients=2, pace=Pace(interval_s=0.2))
    between = [later - earlier for earlier, later in pairwise(service.times)]
    assert min(between) > 0.1
    assert 0.75 < service.times[-1] - service.times[0] < 2
    assert results["max_behind_s"] < 1


def test_an_address_without_a_service_is_named():
    with pytest.raises(ConfigError, match=r"http://127.0.0.1:9: no service to test"):
        LoadTest("http://127.0.0.1:9", b"video", 4000, None).run(1, 1)


def test_quantiles_are_measured_values():
    seconds = [value / 1000 for value in range(1, 101)]
    assert latency_quantiles_ms(seconds) == {"p50": 51.0, "p95": 96.0, "p99": 100.0}
