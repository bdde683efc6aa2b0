"""The load generator's counting, against a service that answers as scripted."""

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from unmask.cli.load_generator import (
    MAX_SAMPLES,
    LoadTest,
    ProcessMemoryMonitor,
    latency_quantiles_ms,
    server_memory,
)


@pytest.fixture
def service():
    """Accepts a submission at the second attempt, loses job 1, fails 2, and runs 3 twice."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            name = body.split(b'filename="')[1].split(b".")[0].decode()
            if name not in server.rejected:
                server.rejected.append(name)
                return self._respond(429, {"error": "full"}, {"Retry-After": "0"})
            server.bodies.append(body)
            server.keys.add(self.headers["Authorization"])
            return self._respond(202, {"job_id": name, "status_url": f"/jobs/{name}"}, {})

        def do_GET(self):
            name = self.path.rsplit("/", 1)[-1]
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

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.rejected, server.bodies, server.keys = [], [], set()
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


def test_the_memory_of_a_port_is_that_of_the_process_that_serves_it(service):
    memory = dict(server_memory(service.server_port))
    assert memory[f"service {os.getpid()}"] > 10


def test_a_memory_series_is_thinned_and_its_maximum_kept():
    clock, used = iter(range(0, 1000, 2)), iter(range(301))
    monitor = ProcessMemoryMonitor(lambda: [("service 1", float(next(used)))], lambda: next(clock))
    for _ in range(301):
        monitor.record()
    summary = monitor.summary()["service 1"]
    assert summary["max"] == 300.0
    assert len(summary["over_time"]) <= MAX_SAMPLES
    assert summary["over_time"][:2] == [(2, 0.0), (34, 16.0)]


def test_a_monitor_samples_as_long_as_it_is_open():
    sampled = threading.Event()
    with ProcessMemoryMonitor(lambda: sampled.set() or [("service", 1.0)]) as monitor:
        assert sampled.wait(10)
    assert monitor.summary()["service"]["max"] == 1.0


def test_quantiles_are_measured_values():
    seconds = [value / 1000 for value in range(1, 101)]
    assert latency_quantiles_ms(seconds) == {"p50": 51.0, "p95": 96.0, "p99": 100.0}
