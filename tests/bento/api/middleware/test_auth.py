"""API-key authentication and isolation of tenants."""

import pytest

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
