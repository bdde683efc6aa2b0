"""The object store in a folder and in an S3 bucket (moto)."""

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from s3fs import S3FileSystem
from sqlalchemy import text

from bento.settings import ServiceSettings
from bento.storage.object_store import s3_options
from tests.bento.tenants import make_tenants


def list_bucket(endpoint, bucket):
    return httpx.get(f"{endpoint}/{bucket}").text


def test_job_files_are_stored_in_the_bucket_and_served_by_signed_urls(
    make_service, running_worker, s3_endpoint
):
    service = make_service(storage="s3://kept/unmask", s3_endpoint=s3_endpoint)
    with running_worker(service):
        job = service.wait_for(service.submit("ok"))
    assert f"unmask/{job['job_id']}/upload" in list_bucket(s3_endpoint, "kept")
    (image,) = job["evidence"]
    assert image["url"].startswith(s3_endpoint)
    assert "X-Amz-Signature" in image["url"]
    assert httpx.get(image["url"]).content.startswith(b"\x89PNG")
    assert httpx.get(job["video_url"]).content == b"ok"
    url = f"/jobs/{job['job_id']}"
    response = service.client.get(f"{url}/evidence/frame-1.png")
    assert response.content.startswith(b"\x89PNG")
    redirect = service.client.get(f"{url}/video", follow_redirects=False)
    assert redirect.headers["location"].startswith(s3_endpoint)
    assert list(service.services.store.work.iterdir()) == []
    assert service.services.store.list_job_ids(-60.0) == {job["job_id"]}
    assert service.services.store.list_job_ids(60.0) == set()
    service.client.delete(url)
    assert job["job_id"] not in list_bucket(s3_endpoint, "kept")


@pytest.mark.parametrize("region", ["eu-central-1", "us-east-1", "ap-southeast-2"])
def test_signed_urls_are_valid_in_every_region(make_service, s3_endpoint, monkeypatch, region):
    """Regions that opened after 2013 take signature version 4 alone."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    S3FileSystem.clear_instance_cache()
    service = make_service(storage=f"s3://of-{region}/unmask", s3_endpoint=s3_endpoint)
    store = service.services.store
    place = {} if region == "us-east-1" else {"region_name": region}  # the default has no name
    store.fs.mkdir(f"of-{region}", **place)
    source = store.work / "video"
    source.write_bytes(b"video")
    store.put("a", source)
    url = urlsplit(store.signed_url("a", "", 60.0))
    query = parse_qs(url.query)
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert query["X-Amz-Credential"][0].split("/")[2:4] == [region, "s3"]
    assert httpx.get(url.geturl()).content == b"video"
    S3FileSystem.clear_instance_cache()


def test_a_bucket_of_aws_is_signed_for_its_own_region(tmp_path):
    assert s3_options(ServiceSettings(folder=tmp_path))["cache_regions"] is True
    own = s3_options(ServiceSettings(folder=tmp_path, s3_endpoint="http://a"))
    assert "cache_regions" not in own


def test_video_is_imported_from_an_allowed_bucket(make_service, running_worker, s3_endpoint):
    httpx.put(f"{s3_endpoint}/videos/new/video.mp4", content=b"real")
    service = make_service(s3_endpoint=s3_endpoint, import_buckets=("videos",))
    form = {"storage_url": "s3://videos/new/video.mp4"}
    response = service.client.post("/analyze-video", data=form)
    assert response.status_code == 202, response.text
    with running_worker(service):
        job = service.wait_for(response.json()["job_id"])
    assert (job["status"], job["verdict"], job["file"]) == ("done", "real", "video.mp4")
    for key in ("none", "a::b", "::", "simplecache::s3://videos/new/video.mp4", "%"):
        form = {"storage_url": f"s3://videos/{key}"}
        response = service.client.post("/analyze-video", data=form)
        assert response.status_code == 422, key
        assert response.json()["error"].startswith("storage_url:")


def test_each_tenant_imports_from_its_own_prefix(make_service, s3_endpoint, tmp_path):
    for owner in ("anna", "bert"):
        httpx.put(f"{s3_endpoint}/videos/{owner}/secret.mp4", content=b"real")
    httpx.put(f"{s3_endpoint}/kept/all.mp4", content=b"real")
    buckets = ("anna:videos/anna", "bert:videos/bert/", "kept")
    service, anna, bert = make_tenants(
        make_service, tmp_path, "anna", "bert", s3_endpoint=s3_endpoint, import_buckets=buckets
    )

    def status(headers, key):
        form = {"storage_url": f"s3://{key}"}
        response = service.client.post("/analyze-video", data=form, headers=headers)
        assert "videos/bert" not in response.text or headers is bert
        return response.status_code

    assert status(anna, "videos/anna/secret.mp4") == status(bert, "videos/bert/secret.mp4") == 202
    assert status(bert, "videos/anna/secret.mp4") == status(anna, "videos/bert/secret.mp4") == 422
    assert status(anna, "videos/anna/../bert/secret.mp4") == 422
    assert status(anna, "kept/all.mp4") == status(bert, "kept/all.mp4") == 202


def test_unavailable_import_store_gets_503(make_service, s3_endpoint, monkeypatch):
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    service = make_service(s3_endpoint="http://127.0.0.1:9", import_buckets=("videos",))
    form = {"storage_url": "s3://videos/video.mp4"}
    response = service.client.post("/analyze-video", data=form)
    assert response.status_code == 503
    assert response.json()["error"].startswith("storage_url:")


def test_unavailable_object_store_gets_503_and_loses_nothing(
    make_service, running_worker, s3_endpoint, monkeypatch
):
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    service = make_service(storage="s3://kept/away", s3_endpoint=s3_endpoint)
    with running_worker(service):
        job = service.wait_for(service.submit("ok"))
    url = f"/jobs/{job['job_id']}"
    client = make_service(storage="s3://kept/away", s3_endpoint="http://127.0.0.1:9").client
    responses = [
        client.get(f"{url}/video"),
        client.get(f"{url}/evidence/frame-1.png"),
        client.get(f"{url}/report.pdf"),
        client.delete(url),
        client.post("/analyze-video", files={"file": ("a", b"ok")}),
    ]
    for response in responses:
        assert response.status_code == 503
        assert response.json()["error"] == "the object store does not answer; retry soon"
    assert httpx.get(job["video_url"]).content == b"ok"


def test_unavailable_database_gets_503(make_service):
    service = make_service()
    with service.services.engine.begin() as connection:
        connection.execute(text("ALTER TABLE detection_results RENAME TO elsewhere"))
    for response in (
        service.client.get("/jobs"),
        service.client.get("/metrics"),
        service.client.post("/analyze-video", files={"file": ("a", b"ok")}),
    ):
        assert response.status_code == 503
        assert "database" in response.json()["error"]


def test_content_security_policy_allows_the_origin_of_signed_urls(make_service, s3_endpoint):
    service = make_service(storage="s3://kept/unmask", s3_endpoint=s3_endpoint)
    policy = service.client.get("/app").headers["Content-Security-Policy"]
    assert f"img-src 'self' blob: {s3_endpoint};" in policy
    assert "http" not in make_service().client.get("/app").headers["Content-Security-Policy"]


def test_local_store_replaces_files_atomically_and_deletes_prefixes(make_service):
    store = make_service().services.store
    for content in (b"first", b"second"):
        source = store.work / "source"
        source.write_bytes(content)
        store.put("job/upload", source)
        assert not source.exists()
    store.copy("job/upload", "job/evidence/a.png")
    with store.open("job/evidence/a.png") as file:
        assert file.read() == b"second"
    store.remove("job")
    store.remove("job")
    assert not store.exists("job/upload")
    assert not store.exists("job/evidence/a.png")
