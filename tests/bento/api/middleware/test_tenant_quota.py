"""Quota of stored bytes per tenant."""

import asyncio

from bento.api.middleware.tenant_quota import TenantQuotaMiddleware
from bento.errors import StorageFullError
from tests.bento.tenants import make_tenants, submit_as

MIB = 2**20
VIDEO = b"x" * (MIB * 2 // 5)


def test_uploads_beyond_the_quota_get_507_until_jobs_are_deleted(make_service, tmp_path):
    service, anna, bert = make_tenants(
        make_service, tmp_path, "anna", "bert", max_stored_mib_per_tenant=1
    )
    first = submit_as(service, anna, VIDEO)
    submit_as(service, anna, VIDEO)
    files = {"file": ("a.mp4", VIDEO)}
    refused = service.client.post("/analyze-video", files=files, headers=anna)
    assert refused.status_code == 507
    assert "exceed 1 MiB" in refused.json()["error"]
    assert int(refused.headers["Retry-After"]) > 0
    submit_as(service, bert, VIDEO)
    service.client.delete(f"/jobs/{first}", headers=anna)
    submit_as(service, anna, VIDEO)
    assert len(list((service.services.settings.folder / "files").rglob("upload"))) == 3


def test_a_file_above_the_upload_limit_gets_413_whatever_is_stored(make_service):
    service = make_service(max_upload_mib=1, max_stored_mib_per_tenant=1)
    response = service.client.post("/analyze-video", content=bytes(MIB + 1))
    assert response.status_code == 413  # no time of waiting would make room for it


def test_a_body_that_lies_about_its_length_is_refused_on_insertion(make_service, monkeypatch):
    service = make_service(max_stored_mib_per_tenant=1)
    monkeypatch.setattr(type(service.services.jobs), "require_quota", lambda *_: None)
    for status in (202, 202, 507):
        response = service.client.post("/analyze-video", files={"file": ("a.mp4", VIDEO)})
        assert response.status_code == status
    assert len(list((service.services.settings.folder / "files").rglob("upload"))) == 2


def test_uploads_under_way_count_until_they_end():
    """Two uploads of 60 bytes at a quota of 100: the second is refused while the first arrives."""
    arriving, statuses = asyncio.Event(), []

    def require_quota(tenant, size_bytes):
        if size_bytes > 100:
            raise StorageFullError("full")

    async def app(scope, receive, send):
        await arriving.wait()

    async def send(event):
        statuses.extend([event["status"]] if "status" in event else [])

    middleware = TenantQuotaMiddleware(app, require_quota, unknown_bytes=101)

    async def post(tenant, *headers):
        scope = {
            "type": "http", "method": "POST", "path": "/analyze-video", "headers": list(headers),
            "query_string": b"", "state": {"tenant": tenant},
        }  # fmt: skip
        await middleware(scope, None, send)

    async def run():
        length = (b"content-length", b"60")
        first = asyncio.create_task(post("anna", length))
        await asyncio.sleep(0.1)
        other = asyncio.create_task(post("bert", length))
        await post("anna", length)
        assert statuses == [507]
        await post("carl")  # without a length
        assert statuses == [507, 507]
        arriving.set()
        await first
        await other
        await post("anna", length)
        assert statuses == [507, 507]

    asyncio.run(run())
