"""Remote files: a local S3 store and a local web server."""

import io
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import fsspec
import httpx
import pytest

from tests.bento.servers import s3_endpoint
from unmask.serving.bulk import remote_files
from unmask.serving.bulk.listing import iter_sources
from unmask.serving.bulk.remote_files import RemoteFileError, RemoteFiles
from unmask.serving.bulk.source import Problem, Source
from unmask.serving.bulk.staging import FileTooLargeError, Staging

__all__ = ["s3_endpoint"]

VIDEO = bytes(range(256)) * 40


def make_zip():
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("inner.mp4", VIDEO)
    return target.getvalue()


@pytest.fixture(scope="module")
def bucket(s3_endpoint):
    """A bucket of videos, an archive and other objects."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
        patch.setenv("AWS_ACCESS_KEY_ID", "key")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        objects = {"a.mp4": VIDEO, "deep/b c.mp4": b"b", "notes.txt": b"-", "z.zip": make_zip()}
        for key, content in objects.items():
            httpx.put(f"{s3_endpoint}/videos/set/{key}", content=content)
        yield "s3://videos/set"


def list_sources(url, remote):
    return [item for item in iter_sources([url], remote) if isinstance(item, Source)]


def list_all(url, remote):
    listed = list(iter_sources([url], remote))
    return [item.path for item in listed if isinstance(item, Source)], [
        item.message for item in listed if isinstance(item, Problem)
    ]


def read(source, remote, max_bytes=1 << 20):
    staging = Staging(remote, max_bytes)
    try:
        with staging.local_path(source) as path:
            return path.read_bytes(), path.suffix
    finally:
        staging.close()


def test_a_prefix_a_pattern_and_an_object_are_listed(bucket):
    remote = RemoteFiles()
    everything = [f"{bucket}/a.mp4", f"{bucket}/z.zip!/inner.mp4", f"{bucket}/deep/b c.mp4"]
    assert list_all(bucket, remote) == (everything, [])
    assert list_all(f"{bucket}/", remote) == (everything, [])
    assert list_all(f"{bucket}/*/*.mp4", remote) == (everything[2:], [])
    assert list_all(f"{bucket}/a.mp4", remote) == (everything[:1], [])
    _, (problem,) = list_all(f"{bucket}/missing.mp4", remote)
    assert problem.startswith(f"{bucket}/missing.mp4: does not exist, or may not be read")
    _, (problem,) = list_all("s3://no-such-bucket/", remote)
    assert problem.startswith("s3://no-such-bucket/: ")


def test_objects_and_members_are_read(bucket):
    remote = RemoteFiles()
    contents = [read(source, remote) for source in list_sources(bucket, remote)]
    assert contents == [(VIDEO, ".mp4"), (VIDEO, ".mp4"), (b"b", ".mp4")]


def test_an_object_that_changes_has_another_version(bucket):
    store = fsspec.filesystem("s3", use_listings_cache=False)

    def version():
        (source,) = iter_sources([f"{bucket}/changing.mp4"], RemoteFiles())
        return source.version

    store.pipe_file("videos/set/changing.mp4", b"1")
    first = version()
    assert version() == first
    store.pipe_file("videos/set/changing.mp4", b"2")
    assert version() != first
    store.rm_file("videos/set/changing.mp4")


class Handler(BaseHTTPRequestHandler):
    """Serves a video, an archive, a stream without length, redirects, and failures."""

    def do_HEAD(self):
        self.answer(with_body=False)

    def do_GET(self):
        self.answer(with_body=True)

    def answer(self, with_body):
        path = self.path.partition("?")[0]
        if path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", path.removeprefix("/to/"))
            self.end_headers()
            return
        if path not in ("/a.mp4", "/z.zip", "/stream.mp4"):
            self.send_error(404 if path == "/missing.mp4" else 503)
            return
        content = make_zip() if path == "/z.zip" else VIDEO
        if path != "/stream.mp4":
            content = self.select_range(content)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("ETag", '"1"')
        else:
            self.send_response(200)
        self.end_headers()
        if with_body:
            self.wfile.write(content)

    def select_range(self, content):
        span = self.headers.get("Range", "").removeprefix("bytes=")
        if not span:
            self.send_response(200)
            return content
        start, _, end = span.partition("-")
        selected = content[int(start) : int(end) + 1 if end else None]
        self.send_response(206)
        last = int(start) + len(selected) - 1
        self.send_header("Content-Range", f"bytes {start}-{last}/{len(content)}")
        return selected

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def web():
    """Base URL of a web server; ``http`` counts as ``https`` here, which takes a certificate."""
    with pytest.MonkeyPatch.context() as patch, ThreadingHTTPServer(("", 0), Handler) as server:
        patch.setattr(remote_files, "DRIVERS", {**remote_files.DRIVERS, "http": "aiohttp"})
        patch.setattr(remote_files, "WEB_SCHEMES", ("http",))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def remote(web):
    return RemoteFiles((web.removeprefix("http://"),))


def test_files_and_archives_of_a_web_server_are_read(web, remote):
    (video,) = iter_sources([f"{web}/a.mp4?token=1"], remote)
    (stream,) = iter_sources([f"{web}/stream.mp4"], remote)
    (member,) = list_sources(f"{web}/z.zip?token=1", remote)
    assert (video.size_bytes, stream.size_bytes) == (len(VIDEO), None)
    assert member.path == f"{web}/z.zip?token=1!/inner.mp4"
    for source in (video, stream, member):
        assert read(source, remote) == (VIDEO, ".mp4")


def test_a_stream_beyond_the_limit_is_refused(web, remote):
    (stream,) = iter_sources([f"{web}/stream.mp4"], remote)
    with pytest.raises(FileTooLargeError, match="is larger than"):
        read(stream, remote, max_bytes=5000)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_redirect_is_followed_to_allowed_hosts_alone(web, remote, host):
    port = web.rpartition(":")[2]
    target = f"{web}/to/http://{host}:{port}/a.mp4"
    if host == "127.0.0.1":
        (source,) = iter_sources([target], remote)
        assert read(source, remote)[0] == VIDEO
        return
    _, (problem,) = list_all(target, remote)
    assert f"localhost:{port} is not an allowed host" in problem


def test_a_redirect_to_another_scheme_is_refused(web, remote):
    _, (problem,) = list_all(f"{web}/to/file:///etc/passwd", remote)
    assert "file:///etc/passwd" in problem
    assert "not allowed" in problem


def test_a_server_that_fails_is_told(web, remote):
    _, (problem,) = list_all(f"{web}/missing.mp4", remote)
    assert "does not exist, or may not be read" in problem
    _, (problem,) = list_all(f"{web}/broken.mp4", remote)
    assert "503" in problem
    with pytest.raises(RemoteFileError, match=r"cannot be read \(.*check credentials"):
        RemoteFiles(("127.0.0.1:1",)).entry("http://127.0.0.1:1/a.mp4")
    with pytest.raises(RemoteFileError, match="is not an allowed host"):
        RemoteFiles(("example.org",)).entry(f"{web}/a.mp4")
