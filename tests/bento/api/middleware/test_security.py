"""Loopback-only access, security headers and the common form of errors."""

import asyncio
import re

import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from bento.api.middleware.security import SecurityMiddleware
from tests.bento.problems import PROBLEM_KEYS
from tests.bento.tenants import make_tenants

NOT_FOUND = PlainTextResponse("Not Found", 404)


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "["},
        {"Host": "::x["},
        {"Origin": "https://evil.example"},
        {"Origin": "http://["},
        {"Origin": "null"},
    ],
    ids=lambda headers: next(iter(headers.values())),
)
def test_request_from_another_host_or_site_gets_403_without_keys(make_service, headers):
    response = make_service().client.get("/jobs", headers=headers)
    assert response.status_code == 403
    assert set(response.json()) == PROBLEM_KEYS


@pytest.mark.parametrize(
    "name",
    [
        "Forwarded",
        "Via",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Forwarded",
        "X-Real-IP",
        "X-Client-IP",
        "X-Cluster-Client-IP",
        "True-Client-IP",
        "CF-Connecting-IP",
        "Fastly-Client-IP",
        "X-Original-Host",
        "X-Amzn-Trace-Id",
        "X-Envoy-External-Address",
        "Forwarded-For",
        "Ali-CDN-Real-IP",
        "X-Remote-Addr",
        "X-Scheme",
        "X-ARR-SSL",
        "X-Rewrite-URL",
        "X-Varnish",
        "Tailscale-User-Login",
    ],
)
def test_forwarded_request_gets_403_without_keys_and_passes_with_one(make_service, tmp_path, name):
    response = make_service().client.get("/jobs", headers={name: "127.0.0.1"})
    assert response.status_code == 403
    assert "proxy" in response.json()["error"]
    service, headers = make_tenants(make_service, tmp_path, "anna")
    assert service.client.get("/jobs", headers={**headers, name: "127.0.0.1"}).status_code == 200


@pytest.mark.parametrize("name", ["X-Request-ID", "X-Requested-With", "X-API-Key", "Referer"])
def test_other_header_passes_without_keys(make_service, name):
    assert make_service().client.get("/jobs", headers={name: "a"}).status_code == 200


@pytest.mark.parametrize(
    ("client", "server", "status"),
    [
        ("127.0.0.1", "127.0.0.1", 200),
        ("::1", "::1", 200),
        ("203.0.113.9", "127.0.0.1", 403),
        ("127.0.0.1", "203.0.113.9", 403),
        (None, "127.0.0.1", 403),
        ("127.0.0.1", None, 403),
    ],
)
def test_both_ends_of_the_connection_are_on_this_machine_without_keys(client, server, status):
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/jobs",
        "headers": [(b"host", b"localhost")],
        "client": client and (client, 1),
        "server": server and (server, 3000),
    }
    statuses = []

    async def send(message):
        statuses.append(message.get("status"))

    app = SecurityMiddleware(PlainTextResponse("content"), local=True)
    asyncio.run(app(scope, None, send))
    assert statuses[0] == status


def test_plain_text_errors_of_the_server_become_json():
    routes = {"/other": PlainTextResponse("content")}

    def app(scope, *channels):
        return routes.get(scope["path"], NOT_FOUND)(scope, *channels)

    client = TestClient(
        SecurityMiddleware(app, local=True), base_url="http://localhost", client=("::1", 1)
    )
    response = client.get("/nothing")
    assert response.status_code == 404
    assert response.json()["detail"] == "path not found; /docs lists all routes"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert client.get("/other").text == "content"


def test_root_redirects_to_the_page(make_service):
    response = make_service().client.get("/", follow_redirects=False)
    assert (response.status_code, response.headers["Location"]) == (307, "/app/")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:3100", "elsewhere.example", "[", "a/b?"])
def test_redirect_does_not_repeat_the_host_that_the_client_sent(make_service, tmp_path, host):
    service, key = make_tenants(make_service, tmp_path, "anna")
    headers = {**key, "Host": host}
    response = service.client.get("/jobs/", headers=headers, follow_redirects=False)
    assert (response.status_code, response.headers["Location"]) == (307, "/jobs")


def test_every_response_has_security_headers(make_service):
    client = make_service().client
    for path in ("/", "/jobs", "/nothing", f"/jobs/{'0' * 32}", "/openapi.json"):
        headers = client.get(path, follow_redirects=False).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["Cache-Control"] == "no-store"


def test_no_response_discloses_server_paths(make_service, running_worker):
    service = make_service(attempts=1)
    with running_worker(service):
        contents = ("ok", "raise_error", "refuse no", "crash")
        jobs = [service.wait_for(service.submit(content)) for content in contents]
    assert [job["status"] for job in jobs] == ["done", "failed", "failed", "failed"]
    client = service.client
    texts = [client.get(f"/jobs/{job['job_id']}").text for job in jobs]
    texts += [client.get("/jobs").text, client.get("/openapi.json").text]
    texts += [client.get("/jobs/..%2f..%2fetc/events").text]
    texts += [client.post("/analyze-video", data={"start_s": "x"}).text]
    folder = str(service.services.settings.folder.parent)
    for text in texts:
        assert folder not in text
        assert not re.search(r"Traceback|/tmp/|/site-packages/|\.py\b", text)
