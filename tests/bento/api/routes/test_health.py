"""Health probes and metrics."""

import os
from dataclasses import replace
from types import SimpleNamespace

import pytest

from bento.api.readiness import ReadinessCheck
from bento.security.api_keys import create_key
from bento.security.scopes import Scope
from tests.bento.tenants import make_tenants


def test_probes_need_no_key_but_metrics_do(make_service, tmp_path):
    service, headers = make_tenants(make_service, tmp_path, "anna")
    operator = {"X-API-Key": create_key(tmp_path / "keys", "ops", frozenset(Scope))}
    client = service.client
    assert [client.get(path).status_code for path in ("/livez", "/readyz")] == [200, 200]
    assert client.get("/metrics").status_code == 401
    refused = client.get("/metrics", headers=headers)
    assert (refused.status_code, "--operator" in refused.json()["error"]) == (403, True)
    assert client.get("/metrics", headers=operator).status_code == 200


def test_metrics_are_prometheus_text(make_service):
    service = make_service()
    service.submit()
    response = service.client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    assert "unmask_queue_length 1.0" in response.text.splitlines()


def test_readiness_names_what_does_not_work(make_service, monkeypatch):
    from sqlalchemy.exc import OperationalError

    service = make_service()

    def fail():
        raise OperationalError("SELECT 1", {}, OSError("refused"))

    monkeypatch.setattr(service.services.engine, "connect", fail)
    response = service.client.get("/readyz")
    assert response.status_code == 503
    working = {"ready": False, "database": False, "disk": True, "worker": True}
    assert response.json() == {**working, "missing_protections": []}
    assert int(response.headers["Retry-After"]) > 0
    response = service.client.get("/jobs")
    assert response.status_code == 503
    assert response.json()["detail"] == "the database is unavailable; retry in a few seconds"


@pytest.mark.parametrize(
    ("free_mib", "worker_alive", "status"), [(200, True, 200), (50, True, 503), (200, False, 503)]
)
def test_readiness_knows_disk_and_worker(make_service, monkeypatch, free_mib, worker_alive, status):
    service = make_service(min_free_mib=100)
    space = SimpleNamespace(f_bavail=free_mib, f_frsize=1 << 20)
    monkeypatch.setattr(os, "statvfs", lambda _: space)
    context = replace(service.app.state.context, worker_alive=lambda: worker_alive)
    service.app.state.context = context
    response = service.client.get("/readyz")
    assert response.status_code == status
    assert (response.json()["disk"], response.json()["worker"]) == (free_mib > 100, worker_alive)


def test_readiness_is_checked_at_most_once_a_second():
    calls, now = [], 0.0
    floor = SimpleNamespace(has_room=lambda: calls.append(1) is None)
    check = ReadinessCheck(None, floor, lambda: True, clock=lambda: now)
    assert check.run() == {"database": False, "disk": True, "worker": True}
    now = 0.9
    check.run()
    assert len(calls) == 1
    now = 1.1
    check.run()
    assert len(calls) == 2


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", ["/livez", "/readyz", "/app/", "/docs", "/openapi.json"])
def test_wrong_method_is_answered_in_json(make_service, path, method):
    response = make_service().client.request(method, path)
    assert response.status_code == 405
    assert "does not allow this method" in response.json()["error"]
    assert "GET" in response.headers["Allow"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_readiness_names_what_the_kernel_lacks_and_notices_a_removed_database(
    make_service, monkeypatch
):
    monkeypatch.setattr("bento.sandbox.landlock.abi_version", lambda: 0)
    service = make_service()
    response = service.client.get("/readyz")
    assert (response.status_code, response.json()["missing_protections"]) == (200, ["landlock"])
    service = make_service()
    (service.services.settings.folder / "jobs.db").unlink()
    response = service.client.get("/readyz")
    assert (response.status_code, response.json()["database"]) == (503, False)
    assert service.client.get("/jobs").status_code == 503
