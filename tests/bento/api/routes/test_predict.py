"""`/predict`, with an analyzer that only looks at what reaches it."""

import pytest
from fastapi.testclient import TestClient

from bento.api.app import NOT_SET_UP, WANTED, create_app
from bento.api.middleware.admission import BodySizeLimitMiddleware
from bento.settings import ServiceSettings
from unmask.errors import BundleError, MediaError


class Watcher:
    """Answers with the error it is given, and remembers what it saw."""

    def __init__(self, error=None):
        self.error = error
        self.path = None

    def analyze(self, path, shown_as):
        self.path, self.shown_as, self.content = path, shown_as, path.read_bytes()
        raise self.error or MediaError(f"{shown_as}: seen; nothing to do")


class Desk:
    """There is always room."""

    @property
    def parts(self):
        return self

    @property
    def ledger(self):
        return self

    def check_room(self, tenant, idempotency_key):
        return 1


@pytest.fixture
def app():
    made = create_app(ServiceSettings())
    made.state.desk = Desk()
    return made


@pytest.fixture
def ask(app):
    def post(watcher, **request):
        app.state.analyzer = watcher
        with TestClient(app, raise_server_exceptions=False) as client:
            return client.post("/predict", **request)

    return post


def test_the_upload_arrives_whole_and_is_deleted_afterwards(ask):
    watcher, content = Watcher(), bytes(range(256)) * 20_000  # more than stays in memory
    answer = ask(watcher, files={"file": ("clip.mp4", content)})
    assert answer.status_code == 422
    assert answer.json() == {"error": "clip.mp4: seen; nothing to do"}
    assert watcher.content == content
    assert not watcher.path.exists()
    assert not watcher.path.parent.exists()


@pytest.mark.parametrize(
    ("name", "shown", "suffix"),
    [
        ("../../etc/passwd", "passwd", ""),
        ("a b – ü.MOV", "a b – ü.MOV", ".MOV"),
        ("x.mp4;rm -rf", "x.mp4;rm -rf", ""),
        ("x.averyverylongsuffix", "x.averyverylongsuffix", ""),
    ],
)
def test_of_the_senders_name_only_a_harmless_suffix_reaches_the_disk(ask, name, shown, suffix):
    watcher = Watcher()
    ask(watcher, files={"file": (name, b"x")})
    assert watcher.shown_as == shown
    assert watcher.path.name == f"upload{suffix}"


def test_our_own_failure_is_not_blamed_on_the_upload(ask):
    answer = ask(Watcher(BundleError("bundle: damaged")), files={"file": ("a.mp4", b"x")})
    assert (answer.status_code, answer.json()) == (500, {"error": NOT_SET_UP})


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({}, 415),
        ({"json": {"file": "a.mp4"}}, 415),
        ({"files": {"video": ("a.mp4", b"x")}}, 422),
        ({"data": {"file": "a.mp4"}, "files": {"other": ("a", b"x")}}, 422),
    ],
)
def test_a_request_without_an_upload_is_told_what_to_send(ask, request_, status):
    answer = ask(Watcher(), **request_)
    assert (answer.status_code, answer.json()) == (status, {"error": WANTED})


def test_other_methods_are_refused_as_json(app):
    with TestClient(app) as client:
        answer = client.get("/predict")
    assert answer.status_code == 405
    assert answer.json() == {"error": "Method Not Allowed"}


@pytest.mark.parametrize("stated", [True, False])
def test_too_large_an_upload_is_refused_whether_it_states_its_size_or_not(stated, app):
    small = BodySizeLimitMiddleware(app, max_mib=1, max_batch_mib=1)
    body = b"--x\r\nContent-Disposition: form-data; name=file; filename=a.mp4\r\n\r\n"
    body += b"0" * 2**21 + b"\r\n--x--\r\n"
    chunks = (body[start : start + 65536] for start in range(0, len(body), 65536))
    headers = {"content-type": "multipart/form-data; boundary=x"}
    with TestClient(small) as client:
        content = body if stated else chunks
        answer = client.post("/predict", content=content, headers=headers)
    assert answer.status_code == 413
    assert "larger than 1 MiB" in answer.json()["error"]
