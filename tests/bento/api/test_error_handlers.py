"""Exception handlers of the application."""

import pytest
from fastapi import FastAPI, UploadFile
from fastapi.testclient import TestClient
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException

from bento.api.error_handlers import (
    DATABASE_UNAVAILABLE,
    FILE_REQUIRED,
    INTERNAL_ERROR,
    MISCONFIGURED,
    register_error_handlers,
)
from bento.errors import IdempotencyError, QueueFullError, StorageUnavailableError
from unmask.errors import BundleError, MediaError


@pytest.fixture
def respond():
    """Return the response of an application whose only route raises ``error``."""

    def run(error):
        app = FastAPI()
        register_error_handlers(app)

        @app.get("/")
        def route():
            raise error

        return TestClient(app, raise_server_exceptions=False).get("/")

    return run


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (MediaError("a.mp4: is broken"), 422, "a.mp4: is broken"),
        (IdempotencyError("use a new key"), 409, "use a new key"),
        (StorageUnavailableError("retry soon"), 503, "retry soon"),
        (HTTPException(404, "path not found"), 404, "path not found"),
    ],
    ids=["media", "idempotency", "storage", "http"],
)
def test_error_of_the_request_is_sent_with_its_status(respond, error, status, message):
    response = respond(error)
    assert (response.status_code, response.json()["detail"]) == (status, message)
    assert ("Retry-After" in response.headers) == (status == 503)


@pytest.mark.parametrize(
    ("error", "status"),
    [(QueueFullError("full"), 429), (OperationalError("", {}, Exception("down")), 503)],
    ids=["queue", "database"],
)
def test_temporary_failure_has_retry_after(respond, error, status):
    response = respond(error)
    assert response.status_code == status
    assert int(response.headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (BundleError("/secret/path is no bundle"), MISCONFIGURED),
        (OperationalError("", {}, Exception("/secret/path")), DATABASE_UNAVAILABLE),
        (RuntimeError("/secret/path"), INTERNAL_ERROR),
    ],
    ids=["library", "database", "unexpected"],
)
def test_fault_of_the_installation_does_not_leak_its_message(respond, caplog, error, message):
    response = respond(error)
    assert response.json()["detail"] == message
    if message != INTERNAL_ERROR:  # the server itself logs unexpected errors with their traceback
        assert "/secret/path" in caplog.text


def test_invalid_request_names_the_parameter_or_the_missing_upload():
    app = FastAPI()
    register_error_handlers(app)

    @app.post("/")
    def route(file: UploadFile, limit: int = 1):
        return limit

    client = TestClient(app)
    response = client.post("/?limit=many", files={"file": b"ok"})
    assert response.status_code == 422
    assert response.json()["error"].startswith("limit: ")
    for content, status in (({"files": {"other": b"ok"}}, 422), ({"json": {}}, 415)):
        response = client.post("/", **content)
        assert (response.status_code, response.json()["detail"]) == (status, FILE_REQUIRED)
