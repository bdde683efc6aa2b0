"""Health probes and metrics."""

from tests.bento.tenants import make_tenants


def test_probes_need_no_key_but_metrics_do(make_service, tmp_path):
    service, headers = make_tenants(make_service, tmp_path, "anna")
    client = service.client
    assert [client.get(path).status_code for path in ("/livez", "/readyz")] == [200, 200]
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers=headers).status_code == 200


def test_metrics_are_prometheus_text(make_service):
    service = make_service()
    service.submit()
    response = service.client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    assert "unmask_queue_length 1.0" in response.text.splitlines()


def test_not_ready_while_the_database_is_unavailable(make_service, monkeypatch):
    from sqlalchemy.exc import OperationalError

    service = make_service()

    def fail():
        raise OperationalError("SELECT 1", {}, OSError("refused"))

    monkeypatch.setattr(service.services.engine, "connect", fail)
    response = service.client.get("/readyz")
    assert response.status_code == 503
    assert response.json() == {"error": "the database is unavailable; retry in a few seconds"}
    assert int(response.headers["Retry-After"]) > 0
