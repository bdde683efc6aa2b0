"""Files of a job: ranges, signed URLs and retention."""

import pytest

from tests.bento.problems import PROBLEM_KEYS
from tests.bento.tenants import finish_as, make_tenants


def test_report_is_refused_until_the_job_is_done(make_service):
    service = make_service()
    job = service.submit()
    for suffix in ("pdf", "json"):
        response = service.client.get(f"/jobs/{job}/report.{suffix}")
        assert response.status_code == 409
        assert response.json()["error"].startswith("the job is queued")


def test_json_report_is_a_download_of_the_result(make_service, running_worker):
    service = make_service()
    with running_worker(service):
        job = service.wait_for(service.submit())
    response = service.client.get(f"/jobs/{job['job_id']}/report.json")
    assert response.json() == job["result"]
    name = f"unmask-{job['job_id'][:8]}.json"
    assert response.headers["Content-Disposition"] == f'attachment; filename="{name}"'


def test_video_is_served_in_ranges(make_service):
    service = make_service()
    url = service.job(service.submit("ok"))["video_url"]
    response = service.client.get(url, headers={"Range": "bytes=1-"})
    assert (response.status_code, response.content) == (206, b"k")


@pytest.mark.parametrize(
    ("requested", "status", "content_range"),
    [("bytes=5-", 416, "bytes */2"), ("bytes=x", 400, None)],
    ids=["beyond the end", "malformed"],
)
def test_invalid_range_gets_a_json_error(make_service, requested, status, content_range):
    service = make_service()
    url = service.job(service.submit("ok"))["video_url"]
    response = service.client.get(url, headers={"Range": requested})
    assert (response.status_code, set(response.json())) == (status, PROBLEM_KEYS)
    assert response.headers.get("Content-Range") == content_range


@pytest.mark.parametrize(
    ("start", "media_type"),
    [
        (b"\x00\x00\x00\x20ftypisom", "video/mp4"),
        (b"\x1aE\xdf\xa3", "video/webm"),
        (b"OggS", "video/ogg"),
        (b"<html>", "application/octet-stream"),
    ],
)
def test_media_type_comes_from_the_content(make_service, start, media_type):
    service = make_service()
    files = {"file": ("a.html", start + bytes(20), "text/html")}
    job = service.client.post("/analyze-video", files=files).json()["job_id"]
    response = service.client.get(f"/jobs/{job}/video")
    assert response.headers["content-type"] == media_type


def test_signed_url_works_without_a_key_for_its_path_only(make_service, tmp_path, running_worker):
    service, anna, bert = make_tenants(make_service, tmp_path, "anna", "bert")
    job = finish_as(service, running_worker, anna)
    url = job["evidence"][0]["url"]
    assert service.client.get(url).content.startswith(b"\x89PNG")
    assert service.client.get(job["video_url"]).content == b"ok"
    assert service.client.get(url, headers=bert).status_code == 200
    forged = url[:-1] + ("0" if url[-1] != "0" else "1")
    for other in (forged, url.replace(job["job_id"], "0" * 32)):
        assert service.client.get(other).status_code == 403


def test_expired_signed_url_requires_the_owners_key(make_service, tmp_path, running_worker):
    service, anna, bert = make_tenants(make_service, tmp_path, "anna", "bert")
    job_id = finish_as(service, running_worker, anna)["job_id"]
    store = service.services.store
    expired = store.signed_url(f"{job_id}/upload", f"/jobs/{job_id}/video", -1)
    statuses = [
        service.client.get(expired, headers=headers).status_code for headers in ({}, anna, bert)
    ]
    assert statuses == [403, 200, 404]


def test_upload_is_deleted_when_requested_and_the_result_is_kept(make_service, running_worker):
    service = make_service()
    with running_worker(service):
        job = service.wait_for(service.submit("ok", retention="delete_upload"))
    assert (job["status"], job["video_url"]) == ("done", None)
    assert not service.services.store.exists(f"{job['job_id']}/upload")
    assert service.client.get(f"/jobs/{job['job_id']}/video").status_code == 404
