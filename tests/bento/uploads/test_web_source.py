"""Files of web servers, read as uploads."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import pytest

from bento.errors import SourceRefusedError, StorageUnavailableError
from bento.settings import ServiceSettings
from bento.uploads.web_source import WebFile
from tests.bento.problems import assert_problem


class Handler(BaseHTTPRequestHandler):
    """Answers `/folder/talk.mp4`, and redirects `/to?URL`."""

    def do_GET(self):
        path, _, query = self.path.partition("?")
        path = unquote(path)
        self.server.requests.append((self.path, self.headers["Host"]))
        if path == "/to":
            self.send_response(302)
            self.send_header("Location", query)
        elif path == "/broken":
            self.send_response(500)
        elif path == "/cut.mp4":
            self.send_response(200)
            self.send_header("Content-Length", "100")
        elif path.endswith("/talk.mp4"):
            self.send_response(200)
            self.send_header("Content-Length", "2")
        else:
            self.send_response(404)
        self.end_headers()
        self.wfile.write(b"ok" if path.endswith(".mp4") else b"")

    def log_message(self, *_):
        """Print nothing."""


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as started:
        started.requests = []
        thread = threading.Thread(target=started.serve_forever)
        thread.start()
        yield started
        started.shutdown()
        thread.join()


@pytest.fixture
def base(server):
    return f"http://127.0.0.1:{server.server_port}"


def make_settings(base, *suffixes, **options):
    hosts = tuple(base.removeprefix("http://") + suffix for suffix in suffixes or ("",))
    return ServiceSettings(**{"import_hosts": hosts, "import_private": True, **options})


def read(url, settings, tenant="anna"):
    with WebFile(url, tenant, settings) as file:
        return b"".join(iter(lambda: file.read(10), b""))


def test_file_is_read_and_named_by_the_end_of_its_path(base):
    assert read(f"{base}/folder/talk.mp4?token=1", make_settings(base)) == b"ok"
    source = WebFile(f"{base}/my%20folder%2Ftalk.mp4", "anna", make_settings(base))
    with source:
        assert source.name == "talk.mp4"


def test_submission_by_address_becomes_a_job(make_service, running_worker, base):
    host = base.removeprefix("http://")
    service = make_service(import_hosts=(host,), import_private=True)
    form = {"storage_url": f"{base}/folder/talk.mp4"}
    with running_worker(service):
        response = service.client.post("/analyze-video", data=form)
        assert response.status_code == 202, response.text
        job = service.wait_for(response.json()["job_id"])
    assert (job["status"], job["file"], job["size_bytes"]) == ("done", "talk.mp4", 2)


def test_an_address_that_is_not_allowed_is_refused_and_never_asked(make_service, server, base):
    form = {"storage_url": f"{base}/folder/talk.mp4"}
    response = make_service(import_hosts=("media.example",)).client.post(
        "/analyze-video", data=form
    )
    assert "(media.example)" in assert_problem(response, "source_refused", 422)
    assert server.requests == []


@pytest.mark.parametrize(
    ("suffix", "path", "allowed"),
    [
        ("/folder", "/folder/talk.mp4", True),
        ("/folder/", "/folder/talk.mp4", True),
        ("/fold", "/folder/talk.mp4", False),
        ("/other", "/other/../folder/talk.mp4", False),
        ("/other", "/other/%2e%2e/folder/talk.mp4", False),
    ],
)
def test_a_prefix_is_a_folder(server, base, suffix, path, allowed):
    settings = make_settings(base, suffix)
    if allowed:
        assert read(base + path, settings) == b"ok"
    else:
        with pytest.raises(SourceRefusedError, match="not allowed"):
            read(base + path, settings)
        assert server.requests == []


def test_an_entry_may_hold_for_one_tenant(base):
    host = base.removeprefix("http://")
    settings = ServiceSettings(import_hosts=(f"anna@{host}",), import_private=True)
    assert read(f"{base}/talk.mp4", settings, "anna") == b"ok"
    with pytest.raises(SourceRefusedError, match=r"\(none\)"):
        read(f"{base}/talk.mp4", settings, "bert")


def test_redirects_are_followed_on_allowed_hosts_alone(server, base):
    settings = make_settings(base)
    assert read(f"{base}/to?{base}/talk.mp4", settings) == b"ok"
    assert read(f"{base}/to?/talk.mp4", settings) == b"ok"
    del server.requests[:]
    elsewhere = f"http://localhost:{server.server_port}/talk.mp4"
    for target in (elsewhere, "file:///etc/passwd", "ftp://127.0.0.1/a"):
        with pytest.raises(SourceRefusedError, match="redirects to, is not allowed"):
            read(f"{base}/to?{target}", settings)
    assert [path for path, _ in server.requests if path.endswith("/talk.mp4")] == [
        f"/to?{elsewhere}"
    ]
    with pytest.raises(SourceRefusedError, match="redirects more than 5 times"):
        read(f"{base}/to?/to?/to?/to?/to?/to?/to?/to?/talk.mp4", settings)


def test_private_addresses_and_http_take_a_setting(server, base):
    for url in (base, base.replace("http:", "https:")):
        with pytest.raises(SourceRefusedError, match=r"storage_url: (expected https|resolves to)"):
            read(f"{url}/talk.mp4", make_settings(base, import_private=False))
    assert server.requests == []


def test_the_request_goes_to_the_address_that_was_checked(server, monkeypatch):
    """A name is resolved once: a second answer could be another address."""
    answers, original = [], socket.getaddrinfo

    def look_up(host, port, *arguments, **options):
        if host != "media.example":  # of the connection
            return original(host, port, *arguments, **options)
        answers.append(host)
        return [(0, 0, 0, "", ("127.0.0.1" if len(answers) == 1 else "192.0.2.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    base = f"http://media.example:{server.server_port}"
    assert read(f"{base}/talk.mp4", make_settings(base)) == b"ok"
    assert answers == ["media.example"]
    assert server.requests == [("/talk.mp4", f"media.example:{server.server_port}")]


def test_a_file_above_the_size_limit_is_refused(make_service, base, monkeypatch):
    host = base.removeprefix("http://")
    service = make_service(import_hosts=(host,), import_private=True)
    monkeypatch.setattr(type(service.services.settings), "max_upload_bytes", 1)
    response = service.client.post("/analyze-video", data={"storage_url": f"{base}/talk.mp4"})
    assert_problem(response, "upload_too_large", 413)


def test_errors_of_the_server_are_told_apart(base):
    settings = make_settings(base)
    with pytest.raises(SourceRefusedError, match="does not exist"):
        read(f"{base}/missing", settings)
    for path in ("/broken", "/cut.mp4"):
        with pytest.raises(StorageUnavailableError, match="does not respond"):
            read(base + path, settings)
    unused = "http://127.0.0.1:9"
    with pytest.raises(StorageUnavailableError):
        read(f"{unused}/talk.mp4", make_settings(unused))


@pytest.mark.parametrize(
    "url", ["https://user@media.example/a", "https://media.example:x/a", "https:///a"]
)
def test_malformed_addresses_are_refused(url):
    with pytest.raises(SourceRefusedError):
        read(url, ServiceSettings(import_hosts=("media.example",)))
