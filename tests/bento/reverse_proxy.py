"""A small reverse proxy that serves other servers below a path."""

import http.client
import itertools
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@contextmanager
def reverse_proxy(upstreams, prefix, strip=True):
    """Serve the servers at the URLs ``upstreams``, in turn, below ``prefix``.

    ``strip`` removes the prefix. A server that is removed from the list ``upstreams`` gets no more
    requests. The header ``X-Served-By`` of a response is the server's URL.
    """
    turns = itertools.count()

    class Handler(BaseHTTPRequestHandler):
        def forward(self):
            if not f"{self.path}/".startswith(f"{prefix}/"):
                self.send_error(502)
                return
            path = (self.path.removeprefix(prefix) or "/") if strip else self.path
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            available = list(upstreams)
            upstream = available[next(turns) % len(available)]
            headers = {
                **self.headers,
                "Host": urlsplit(upstream).netloc,
                "X-Forwarded-For": "::1",
                "X-Forwarded-Host": self.headers["Host"],
                "X-Forwarded-Proto": "http",
                "X-Forwarded-Prefix": prefix,
            }
            server = http.client.HTTPConnection(urlsplit(upstream).netloc, timeout=20)
            server.request(self.command, path, body, headers)
            response = server.getresponse()
            content = response.read()
            self.send_response(response.status)
            for name, value in response.getheaders():
                if name.lower() not in ("transfer-encoding", "content-length", "connection"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("X-Served-By", upstream)
            self.end_headers()
            self.wfile.write(content)
            server.close()

        do_GET = do_POST = do_DELETE = forward  # noqa: N815 - names of the base class

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{prefix}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
