"""Helpers for tests with API keys."""

from bento.security.api_keys import create_key
from tests.factories import wait_until


def make_tenants(make_service, tmp_path, *tenants, **settings):
    """Create a service with API keys; return it and the request headers of each tenant."""
    path = tmp_path / "keys"
    headers = [{"Authorization": f"Bearer {create_key(path, tenant)}"} for tenant in tenants]
    return make_service(api_keys_file=path, **settings), *headers


def submit_as(service, headers, content=b"ok"):
    """Submit a video with the headers of a tenant; return the job's id."""
    files = {"file": ("a.mp4", content)}
    response = service.client.post("/analyze-video", files=files, headers=headers)
    assert response.status_code == 202, response.text
    return response.json()["job_id"]


def finish_as(service, running_worker, headers):
    """Submit a video with the headers of a tenant; return the finished job."""
    with running_worker(service):
        path = f"/jobs/{submit_as(service, headers)}"

        def done():
            job = service.client.get(path, headers=headers).json()
            return job if job["status"] == "done" else None

        return wait_until(done)
