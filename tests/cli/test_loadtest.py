"""The load test's own counting, against a service that answers as told."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from unmask.cli.loadtest import LoadTest, ProcessMemoryMonitor, _quantiles


@pytest.fixture
def service():
    """Takes a submission at the second try, loses one job, and begins one twice."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            name = body.split(b'filename="')[1].split(b".")[0].decode()
            if name not in server.tried:
                server.tried.append(name)
                return self._answer(429, {"error": "full"}, {"Retry-After": "0"})
            server.bodies.append(body)
            return self._answer(202, {"job_id": name, "status_url": f"/jobs/{name}"}, {})

        def do_GET(self):
            name = self.path.rsplit("/", 1)[-1]
            if name == "1":
                return self._answer(404, {"error": "lost"}, {})
            job = {"job_id": name, "status": "failed" if name == "2" else "done"}
            return self._answer(200, {**job, "attempts": 2 if name == "3" else 1}, {})

        def _answer(self, status, told, headers):
            content = json.dumps(told).encode()
            self.send_response(status)
            for key, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.tried, server.bodies = [], []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_losses_failures_and_repetitions_are_counted(service):
    run = LoadTest(f"http://127.0.0.1:{service.server_port}", b"film", 4000, None)
    figures = run.run(jobs=6, clients=3)
    counted = ("lost", "failed", "begun_more_than_once", "refused_and_tried_again")
    assert [figures[name] for name in counted] == [1, 1, 1, 6]
    assert figures["status_calls"] == 6
    assert len(set(service.bodies)) == 6
    assert all(len(body) > 4000 for body in service.bodies)
    memory, *_ = (seen for name, seen in figures["memory_mib"].items() if "service" in name)
    (first_s, first_mib), *_ = memory["over_time"]
    assert first_s < 1
    assert memory["most"] >= first_mib > 1


def test_memory_over_time_is_told_at_some_moments_however_long_the_run():
    watch = ProcessMemoryMonitor(1)
    watch._seen = {"service 1": [(2.0 * number, float(number)) for number in range(301)]}
    figures = watch.figures()["service 1"]
    assert figures["most"] == 300.0
    assert len(figures["over_time"]) <= 20
    assert figures["over_time"][0] == (0.0, 0.0)


def test_quantiles_are_of_the_measured_values():
    assert _quantiles([value / 1000 for value in range(1, 101)]) == {
        "p50": 51.0, "p95": 96.0, "p99": 100.0
    }  # fmt: skip
