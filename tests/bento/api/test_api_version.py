"""Paths with and without `/v1` lead to the same routes, and each answers with links of its kind."""

import pytest

from tests.bento.tenants import make_tenants


def submit(client, prefix):
    return client.post(f"{prefix}/analyze-video", files={"file": ("a.mp4", b"ok")})


@pytest.mark.parametrize("prefix", ["", "/v1"])
def test_links_begin_like_the_path_of_the_request(make_service, running_worker, prefix):
    service = make_service()
    response = submit(service.client, prefix)
    job_id = response.json()["job_id"]
    expected = f"{prefix}/jobs/{job_id}"
    assert (response.json()["status_url"], response.headers["Location"]) == (expected, expected)
    with running_worker(service):
        service.wait_for(job_id)
    job = service.client.get(expected).json()
    links = [job["video_url"], *(image["url"] for image in job["evidence"])]
    assert len(links) > 1
    for link in links:
        assert link.startswith(f"{expected}/")
        assert service.client.get(link).status_code == 200
    service.submit()
    following = service.client.get(f"{prefix}/jobs?limit=1").json()["next"]
    assert following.startswith(f"{prefix}/jobs?")
    assert service.client.get(following).status_code == 200


def test_links_begin_with_the_root_path_and_the_version(make_service):
    client = make_service(root_path="/unmask").client
    assert submit(client, "/unmask/v1").json()["status_url"].startswith("/unmask/v1/jobs/")


def test_events_of_both_kinds_have_their_own_links(make_service, running_worker):
    service = make_service()
    with running_worker(service):
        job_id = service.submit()
        service.wait_for(job_id)
    for prefix in ("", "/v1"):
        events = service.client.get(f"{prefix}/jobs/{job_id}/events").text
        assert f'"video_url":"{prefix}/jobs/{job_id}/video' in events


@pytest.mark.parametrize("path", ["/v1/v1/jobs", "/v2/jobs", "/v1jobs", "/v1", "/v1/"])
def test_other_versions_do_not_exist(make_service, path):
    assert make_service().client.get(path).status_code == 404


def test_the_version_does_not_bypass_keys_and_limits(make_service, tmp_path):
    service, anna = make_tenants(make_service, tmp_path, "anna", submits_per_minute=1)
    assert service.client.get("/v1/jobs").status_code == 401
    assert service.client.get("/v1/metrics", headers=anna).status_code == 403
    files = {"files": {"file": ("a.mp4", b"ok")}, "headers": anna}
    statuses = [service.client.post(f"{prefix}/analyze-video", **files) for prefix in ("", "/v1")]
    assert [response.status_code for response in statuses] == [202, 429]
