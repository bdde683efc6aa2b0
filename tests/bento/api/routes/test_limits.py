"""`GET /limits`."""

from tests.bento.tenants import make_tenants


def test_limits_come_from_the_settings(make_service):
    client = make_service(max_upload_mib=5, max_duration_s=60, keep_days=2).client
    assert client.get("/limits").json() == {
        "max_upload_mib": 5,
        "max_duration_s": 60.0,
        "keep_days": 2.0,
        "zero_minutes": 15.0,
    }


def test_limits_require_a_key_where_keys_exist(make_service, tmp_path):
    service, headers = make_tenants(make_service, tmp_path, "anna")
    assert service.client.get("/limits").status_code == 401
    assert service.client.get("/limits", headers=headers).status_code == 200
