"""`POST /predict` with an analyzer that records its input."""

import threading
import tracemalloc

import httpx
import pytest
from fastapi.testclient import TestClient

from bento.api.error_handlers import FILE_REQUIRED, MISCONFIGURED
from bento.api.routes.predict import MAX_WAITING
from tests.bento.tenants import make_tenants
from tests.factories import wait_until
from unmask.errors import BundleError, MediaError


class RecordingAnalyzer:
    """Records the file it receives and raises ``error``."""

    def __init__(self, error=None):
        self.error = error
        self.path = None

    def analyze(self, path, shown_as):
        self.path, self.shown_as, self.content = path, shown_as, path.read_bytes()
        raise self.error or MediaError(f"{shown_as}: recorded")


class SizeAnalyzer:
    """Records the sizes of the files it receives."""

    def __init__(self):
        self.sizes = []

    def analyze(self, path, shown_as):
        self.sizes.append(path.stat().st_size)
        raise MediaError(f"{shown_as}: recorded")


class BlockingAnalyzer:
    """Counts the files that it receives, and waits."""

    def __init__(self):
        self.running, self.go_on = 0, threading.Event()

    def analyze(self, path, shown_as):
        self.running += 1
        self.go_on.wait(60)
        raise MediaError(f"{shown_as}: recorded")


@pytest.fixture
def app(make_service):
    return make_service().app


@pytest.fixture
def predict(app):
    def post(analyzer, **request):
        app.state.analyzer = analyzer
        with TestClient(app, raise_server_exceptions=False) as client:
            response = client.post("/predict", **request)
        assert not list(app.state.context.services.store.work.iterdir())
        return response

    return post


def test_upload_reaches_the_analyzer_and_is_deleted_afterwards(predict):
    analyzer, content = RecordingAnalyzer(), bytes(range(256)) * 20_000  # beyond the spool size
    response = predict(analyzer, files={"file": ("clip.mp4", content)})
    assert response.status_code == 422
    assert response.json()["detail"] == "clip.mp4: recorded"
    assert analyzer.content == content
    assert not analyzer.path.exists()
    assert not analyzer.path.parent.exists()


@pytest.mark.parametrize(
    ("name", "shown_as", "suffix"),
    [
        ("../../etc/passwd", "passwd", ""),
        ("a b – ü.MOV", "a b – ü.MOV", ".MOV"),
        ("x.mp4;rm -rf", "x.mp4;rm -rf", ""),
        ("x.averyverylongsuffix", "x.averyverylongsuffix", ""),
        ("a\u202e\x1b.mp4", "a.mp4", ".mp4"),
        (f"{'x' * 3000}.mp4", f"{'x' * 196}.mp4", ".mp4"),
    ],
)
def test_only_a_harmless_suffix_of_the_clients_name_reaches_the_disk(
    predict, name, shown_as, suffix
):
    analyzer = RecordingAnalyzer()
    predict(analyzer, files={"file": (name, b"x")})
    assert analyzer.shown_as == shown_as
    assert analyzer.path.name == f"upload{suffix}"


def test_fault_of_the_service_gets_500_without_details(predict):
    analyzer = RecordingAnalyzer(BundleError("bundle: damaged"))
    response = predict(analyzer, files={"file": ("a.mp4", b"x")})
    assert (response.status_code, response.json()["detail"]) == (500, MISCONFIGURED)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({}, 415),
        ({"json": {"file": "a.mp4"}}, 415),
        ({"data": {"file": "a.mp4"}}, 415),
    ],
    ids=["empty", "JSON", "text field"],
)
def test_request_without_upload_names_the_required_field(predict, request_, status):
    response = predict(RecordingAnalyzer(), **request_)
    assert (response.status_code, response.json()["detail"]) == (status, FILE_REQUIRED)


def test_wrong_method_gets_405_as_json(app):
    with TestClient(app) as client:
        response = client.get("/predict")
    assert response.status_code == 405
    assert "does not allow this method" in response.json()["error"]
    assert response.headers["Allow"] == "POST"


@pytest.mark.parametrize(
    ("files", "status", "message"),
    [
        ([("video", ("a", b"x"))], 400, "video: unknown form field; send file"),
        ([("file", ("a", b"x")), ("other", ("b", b"x"))], 400, "other: unknown form field"),
        ([("file", ("a", b"x")), ("file", ("b", b"x"))], 422, "file: is given 2 times"),
    ],
    ids=["wrong field", "another file", "two files"],
)
def test_any_other_field_than_one_file_is_refused(predict, files, status, message):
    response = predict(RecordingAnalyzer(), files=files)
    assert response.status_code == status
    assert response.json()["error"].startswith(message)


def parts(names, blocks):
    """A form in pieces: for each name a file of ``blocks`` times 64 KiB."""
    for name in names:
        start = f'--b\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n\r\n'
        yield start.encode()
        for _ in range(blocks):
            yield bytes(1 << 16)
        yield b"\r\n"
    yield b"--b--\r\n"


@pytest.mark.parametrize(
    ("names", "blocks", "status"),
    [(["file"], 1024, 422), ([f"field{number}" for number in range(64)], 16, 400)],
    ids=["one large file", "many files"],
)
def test_64_mib_stay_out_of_memory(make_service, live_server, names, blocks, status):
    service = make_service()
    service.app.state.analyzer = analyzer = SizeAnalyzer()
    url = f"{live_server(service)}/predict"
    headers = {"content-type": "multipart/form-data; boundary=b"}
    httpx.get(f"{url}x")  # the first request builds the routes
    tracemalloc.start()
    try:
        response = httpx.post(url, content=parts(names, blocks), headers=headers, timeout=60)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert response.status_code == status
    assert analyzer.sizes == ([64 << 20] if status == 422 else [])
    assert peak_bytes < 8 << 20
    assert not list(service.services.store.work.iterdir())


def test_option_in_the_query_string_is_refused(predict):
    response = predict(RecordingAnalyzer(), files={"file": ("a.mp4", b"x")}, params={"start_s": 3})
    assert response.status_code == 422
    assert "start_s" in response.json()["error"]


def test_requests_of_a_tenant_that_wait_leave_room_for_another_tenants(
    make_service, live_server, tmp_path
):
    service, anna, bob = make_tenants(make_service, tmp_path, "anna", "bob")
    analyzer = service.app.state.analyzer = BlockingAnalyzer()
    url, statuses = f"{live_server(service)}/predict", []

    def post(headers):
        files = {"file": ("a.mp4", b"x")}
        statuses.append(httpx.post(url, files=files, headers=headers, timeout=60).status_code)

    threads = [threading.Thread(target=post, args=(anna,)) for _ in range(MAX_WAITING + 5)]
    for thread in threads:
        thread.start()
    wait_until(lambda: statuses.count(429) == 4)  # one runs
    bobs = threading.Thread(target=post, args=(bob,))
    bobs.start()
    wait_until(lambda: analyzer.running == 2)  # bob's is next, although 20 of anna's came earlier
    assert statuses.count(429) == 4
    analyzer.go_on.set()
    for thread in (*threads, bobs):
        thread.join()
    assert sorted(statuses) == [422] * (MAX_WAITING + 2) + [429] * 4
