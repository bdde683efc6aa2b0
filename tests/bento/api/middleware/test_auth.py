"""API-key authentication and isolation of tenants."""

from datetime import UTC, datetime

import pytest

from bento.security.api_keys import create_key
from bento.security.scopes import Scope
from tests.bento.problems import PROBLEM_KEYS
from tests.bento.tenants import finish_as, make_tenants, submit_as


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer wrong"}, {"X-API-Key": ""}],
    ids=["none", "wrong", "empty"],
)
def test_request_without_known_key_gets_401(make_service, tmp_path, headers):
    service, _ = make_tenants(make_service, tmp_path, "anna")
    for path in ("/jobs", f"/jobs/{'0' * 32}", "/jobs/x/y", "/nothing", "/metrics"):
        response = service.client.get(path, headers=headers)
        assert response.status_code == 401
        assert set(response.json()) == PROBLEM_KEYS
        assert response.headers["WWW-Authenticate"] == "Bearer"
    files = {"file": ("a.mp4", b"x")}
    response = service.client.post("/analyze-video", files=files, headers=headers)
    assert response.status_code == 401


def test_key_is_accepted_in_both_headers(make_service, tmp_path):
    service, headers = make_tenants(make_service, tmp_path, "anna")
    key = headers["Authorization"].split()[1]
    assert service.client.get("/jobs", headers=headers).status_code == 200
    assert service.client.get("/jobs", headers={"X-API-Key": key}).status_code == 200


def test_key_removed_from_the_file_stops_working(make_service, tmp_path):
    service, headers = make_tenants(make_service, tmp_path, "anna")
    assert service.client.get("/jobs", headers=headers).status_code == 200
    (tmp_path / "keys").write_text("# nobody\n")
    assert service.client.get("/jobs", headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [("read", {"GET"}), ("submit", {"POST"}), ("delete", {"DELETE"}), ("admin", {"METRICS"})],
)
def test_a_key_may_do_what_its_scopes_say(make_service, tmp_path, scope, allowed):
    path = tmp_path / "keys"
    headers = {"X-API-Key": create_key(path, "anna", frozenset({Scope(scope)}))}
    client = make_service(api_keys_file=path).client
    responses = {
        "GET": client.get("/jobs", headers=headers),
        "POST": client.post("/analyze-video", files={"file": ("a.mp4", b"x")}, headers=headers),
        "DELETE": client.delete(f"/jobs/{'0' * 32}", headers=headers),
        "METRICS": client.get("/metrics", headers=headers),
    }
    refused = {name for name, response in responses.items() if response.status_code == 403}
    assert refused == set(responses) - allowed
    for name, needed in (("GET", "read"), ("POST", "submit"), ("DELETE", "delete")):
        if name in refused:
            problem = responses[name].json()
            assert (problem["code"], f"`{needed}`" in problem["detail"]) == ("scope_required", True)
    assert client.get("/limits", headers=headers).status_code == 200


def test_a_forged_signature_does_not_replace_the_scope_read(make_service, tmp_path):
    path = tmp_path / "keys"
    headers = {"X-API-Key": create_key(path, "anna", frozenset({Scope.SUBMIT}))}
    service = make_service(api_keys_file=path)
    video = f"/jobs/{submit_as(service, headers)}/video"
    assert service.client.get(video, headers=headers).status_code == 403
    forged = service.client.get(f"{video}?expires=9999999999&signature=x", headers=headers)
    assert (forged.status_code, forged.json()["code"]) == (403, "link_expired")


def test_an_expired_key_is_named_as_such(make_service, tmp_path):
    path = tmp_path / "keys"
    expiry = datetime(2020, 1, 31, tzinfo=UTC)
    headers = {"X-API-Key": create_key(path, "anna", expires_at=expiry)}
    response = make_service(api_keys_file=path).client.get("/jobs", headers=headers)
    assert (response.status_code, response.json()["code"]) == (401, "api_key_expired")
    assert "2020-01-31" in response.json()["detail"]


def test_tenant_cannot_access_another_tenants_job(make_service, tmp_path, running_worker):
    service, anna, bert = make_tenants(make_service, tmp_path, "anna", "bert")
    job = finish_as(service, running_worker, anna)["job_id"]
    paths = ("", "/events", "/report.json", "/report.pdf", "/evidence/frame-1.png", "/video")
    for path in paths:
        assert service.client.get(f"/jobs/{job}{path}", headers=bert).status_code == 404
    assert service.client.delete(f"/jobs/{job}", headers=bert).status_code == 404
    assert service.client.get("/jobs", headers=bert).json()["total"] == 0
    image = service.client.get(f"/jobs/{job}/evidence/frame-1.png", headers=anna)
    assert image.status_code == 200


def test_result_cache_is_not_shared_between_tenants(make_service, tmp_path, running_worker):
    service, anna, bert = make_tenants(make_service, tmp_path, "anna", "bert")
    finish_as(service, running_worker, anna)
    assert finish_as(service, running_worker, bert)["cached"] is False
    assert finish_as(service, running_worker, anna)["cached"] is True


def test_idempotency_keys_of_different_tenants_are_independent(make_service, tmp_path):
    service, anna, bert = make_tenants(make_service, tmp_path, "anna", "bert")
    key = {"Idempotency-Key": "1"}
    assert submit_as(service, {**anna, **key}) != submit_as(service, {**bert, **key})
