"""Request bodies above the limit are rejected, whether or not they state their size."""

import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from bento.api.middleware.body_limit import BodySizeLimitMiddleware

PART = b"--x\r\nContent-Disposition: form-data; name=file; filename=a.mp4\r\n\r\n"


@pytest.mark.parametrize("stated", [True, False], ids=["Content-Length", "chunked"])
@pytest.mark.parametrize("path", ["/predict", "/analyze-video"])
def test_body_above_the_limit_gets_413(make_service, path, stated):
    service = make_service(max_upload_mib=1)
    body = PART + bytes(2**21) + b"\r\n--x--\r\n"
    chunks = (body[start : start + 65536] for start in range(0, len(body), 65536))
    headers = {"content-type": "multipart/form-data; boundary=x"}
    response = service.client.post(path, content=body if stated else chunks, headers=headers)
    assert response.status_code == 413
    assert "larger than 1 MiB" in response.json()["error"]
    assert not list(service.services.store.work.iterdir())


def test_batches_have_their_own_limit():
    async def app(scope, receive, send):
        while (await receive()).get("more_body"):
            pass
        await PlainTextResponse("ok")(scope, receive, send)

    client = TestClient(BodySizeLimitMiddleware(app, max_mib=1, max_batch_mib=2))
    body = bytes(2**20 + 1)
    assert client.post("/analyze-video", content=body).status_code == 413
    assert client.post("/batch", content=body).status_code == 200
    assert client.post("/batch", content=2 * body).status_code == 413
