"""`POST /predict` with an analyzer that records its input."""

import pytest
from fastapi.testclient import TestClient

from bento.api.app import create_app
from bento.api.error_handlers import FILE_REQUIRED, MISCONFIGURED
from bento.settings import ServiceSettings
from unmask.errors import BundleError, MediaError


class RecordingAnalyzer:
    """Records the file it receives and raises ``error``."""

    def __init__(self, error=None):
        self.error = error
        self.path = None

    def analyze(self, path, shown_as):
        self.path, self.shown_as, self.content = path, shown_as, path.read_bytes()
        raise self.error or MediaError(f"{shown_as}: recorded")


class RoomyContext:
    """A request context whose queue is never full."""

    @property
    def services(self):
        return self

    @property
    def jobs(self):
        return self

    def available_capacity(self, tenant, idempotency_key):
        return 1


@pytest.fixture
def app():
    app = create_app(ServiceSettings())
    app.state.context = RoomyContext()
    return app


@pytest.fixture
def predict(app):
    def post(analyzer, **request):
        app.state.analyzer = analyzer
        with TestClient(app, raise_server_exceptions=False) as client:
            return client.post("/predict", **request)

    return post


def test_upload_reaches_the_analyzer_and_is_deleted_afterwards(predict):
    analyzer, content = RecordingAnalyzer(), bytes(range(256)) * 20_000  # beyond the spool size
    response = predict(analyzer, files={"file": ("clip.mp4", content)})
    assert response.status_code == 422
    assert response.json() == {"error": "clip.mp4: recorded"}
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
    assert (response.status_code, response.json()) == (500, {"error": MISCONFIGURED})


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({}, 415),
        ({"json": {"file": "a.mp4"}}, 415),
        ({"files": {"video": ("a.mp4", b"x")}}, 422),
        ({"data": {"file": "a.mp4"}, "files": {"other": ("a", b"x")}}, 422),
    ],
    ids=["empty", "JSON", "wrong field", "text field"],
)
def test_request_without_upload_names_the_required_field(predict, request_, status):
    response = predict(RecordingAnalyzer(), **request_)
    assert (response.status_code, response.json()) == (status, {"error": FILE_REQUIRED})


def test_wrong_method_gets_405_as_json(app):
    with TestClient(app) as client:
        response = client.get("/predict")
    assert response.status_code == 405
    assert response.json() == {"error": "Method Not Allowed"}
