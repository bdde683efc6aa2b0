"""A webhook receiver for the tests of this folder."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


@pytest.fixture
def receiver():
    """A local server that records webhooks.

    ``responses`` are the status codes of the next responses, 200 by default. Requests to paths
    that end in ``slow`` wait for the event ``free``.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path.endswith("slow"):
                server.free.wait(10)
            server.received.append((self.path, dict(self.headers), body))
            self.send_response(server.responses.pop(0) if server.responses else 200)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST  # noqa: N815 - the name that http.server calls

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.received, server.responses, server.free = [], [], threading.Event()
    server.url = f"http://localhost:{server.server_port}/hook?a=b"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
