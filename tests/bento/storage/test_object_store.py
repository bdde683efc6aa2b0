"""The same files in a folder and in an S3 store, which moto plays here."""

import httpx
from sqlalchemy import text


def in_bucket(endpoint, bucket):
    return httpx.get(f"{endpoint}/{bucket}").text


def test_uploads_and_pictures_lie_in_the_bucket_and_are_fetched_by_its_signed_links(
    make_service, running_worker, s3_endpoint
):
    service = make_service(storage="s3://kept/unmask", s3_endpoint=s3_endpoint)
    with running_worker(service):
        job = service.wait_for(service.submit("ok"))
    assert f"unmask/{job['job_id']}/upload" in in_bucket(s3_endpoint, "kept")
    (picture,) = job["evidence"]
    assert picture["url"].startswith(s3_endpoint)
    assert "Signature" in picture["url"]
    assert httpx.get(picture["url"]).content.startswith(b"\x89PNG")
    assert httpx.get(job["video_url"]).content == b"ok"
    address = f"/jobs/{job['job_id']}"
    shown = service.client.get(f"{address}/evidence/frame-1.png")
    assert shown.content.startswith(b"\x89PNG")
    led = service.client.get(f"{address}/video", follow_redirects=False)
    assert led.headers["location"].startswith(s3_endpoint)
    assert list((service.services.settings.folder / "work").iterdir()) == []
    assert service.services.store.list_job_ids(-60.0) == {job["job_id"]}
    assert service.services.store.list_job_ids(60.0) == set()
    service.client.delete(address)
    assert job["job_id"] not in in_bucket(s3_endpoint, "kept")


def test_a_video_in_an_allowed_bucket_is_fetched(make_service, running_worker, s3_endpoint):
    httpx.put(f"{s3_endpoint}/videos/new/film.mp4", content=b"real")
    service = make_service(s3_endpoint=s3_endpoint, import_buckets=("videos",))
    wanted = {"storage_url": "s3://videos/new/film.mp4"}
    answer = service.client.post("/analyze-video", data=wanted)
    assert answer.status_code == 202, answer.text
    with running_worker(service):
        job = service.wait_for(answer.json()["job_id"])
    assert (job["status"], job["verdict"], job["file"]) == ("done", "real", "film.mp4")
    for key in ("none", "a::b", "::", "simplecache::s3://videos/new/film.mp4", "%"):
        missing = service.client.post("/analyze-video", data={"storage_url": f"s3://videos/{key}"})
        assert missing.status_code == 422, key
        assert "is not there" in missing.json()["error"]


def test_a_store_that_does_not_answer_is_not_the_senders_fault(
    make_service, s3_endpoint, monkeypatch
):
    wanted = {"storage_url": "s3://videos/film.mp4"}
    away = make_service(s3_endpoint="http://127.0.0.1:9", import_buckets=("videos",))
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    answer = away.client.post("/analyze-video", data=wanted)
    assert answer.status_code == 503
    assert "does not answer" in answer.json()["error"]


def test_files_of_a_store_that_is_away_are_not_called_gone(
    make_service, running_worker, s3_endpoint, monkeypatch
):
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    service = make_service(storage="s3://kept/away", s3_endpoint=s3_endpoint)
    with running_worker(service):
        job = service.wait_for(service.submit("ok"))
    address = f"/jobs/{job['job_id']}"
    away = make_service(storage="s3://kept/away", s3_endpoint="http://127.0.0.1:9").client
    answers = [
        away.get(f"{address}/video"),
        away.get(f"{address}/evidence/frame-1.png"),
        away.get(f"{address}/report.pdf"),
        away.delete(address),
        away.post("/analyze-video", files={"file": ("a", b"ok")}),
    ]
    for answer in answers:
        assert answer.status_code == 503
        assert "does not answer" in answer.json()["error"]
    assert httpx.get(job["video_url"]).content == b"ok"  # nothing was lost


def test_a_database_that_is_away_is_not_the_senders_fault(make_service):
    service = make_service()
    with service.services.engine.begin() as connection:
        connection.execute(text("ALTER TABLE detection_results RENAME TO elsewhere"))
    for answer in (
        service.client.get("/jobs"),
        service.client.get("/metrics"),
        service.client.post("/analyze-video", files={"file": ("a", b"ok")}),
    ):
        assert answer.status_code == 503
        assert "database does not answer" in answer.json()["error"]


def test_the_page_may_load_what_signed_links_lead_to(make_service, s3_endpoint):
    service = make_service(storage="s3://kept/unmask", s3_endpoint=s3_endpoint)
    policy = service.client.get("/app").headers["Content-Security-Policy"]
    assert f"img-src 'self' blob: {s3_endpoint};" in policy
    assert "http" not in make_service().client.get("/app").headers["Content-Security-Policy"]
