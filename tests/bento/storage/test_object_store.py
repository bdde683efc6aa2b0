"""The same files in a folder and in an S3 store, which moto plays here."""

import httpx
from sqlalchemy import text


def in_bucket(endpoint, bucket):
    return httpx.get(f"{endpoint}/{bucket}").text


def test_uploads_and_pictures_lie_in_the_bucket_and_are_fetched_by_its_signed_links(
    office, working, s3
):
    desk = office(storage="s3://kept/unmask", s3_endpoint=s3)
    with working(desk):
        job = desk.until(desk.submit("ok"))
    assert f"unmask/{job['job_id']}/upload" in in_bucket(s3, "kept")
    (picture,) = job["evidence"]
    assert picture["url"].startswith(s3)
    assert "Signature" in picture["url"]
    assert httpx.get(picture["url"]).content.startswith(b"\x89PNG")
    assert httpx.get(job["video_url"]).content == b"ok"
    address = f"/jobs/{job['job_id']}"
    shown = desk.client.get(f"{address}/evidence/frame-1.png")
    assert shown.content.startswith(b"\x89PNG")
    led = desk.client.get(f"{address}/video", follow_redirects=False)
    assert led.headers["location"].startswith(s3)
    assert list((desk.parts.settings.folder / "work").iterdir()) == []
    assert desk.parts.store.jobs(-60.0) == {job["job_id"]}
    assert desk.parts.store.jobs(60.0) == set()
    desk.client.delete(address)
    assert job["job_id"] not in in_bucket(s3, "kept")


def test_a_video_in_an_allowed_bucket_is_fetched(office, working, s3):
    httpx.put(f"{s3}/videos/new/film.mp4", content=b"real")
    desk = office(s3_endpoint=s3, import_buckets=("videos",))
    wanted = {"storage_url": "s3://videos/new/film.mp4"}
    answer = desk.client.post("/analyze-video", data=wanted)
    assert answer.status_code == 202, answer.text
    with working(desk):
        job = desk.until(answer.json()["job_id"])
    assert (job["status"], job["verdict"], job["file"]) == ("done", "real", "film.mp4")
    for key in ("none", "a::b", "::", "simplecache::s3://videos/new/film.mp4", "%"):
        missing = desk.client.post("/analyze-video", data={"storage_url": f"s3://videos/{key}"})
        assert missing.status_code == 422, key
        assert "is not there" in missing.json()["error"]


def test_a_store_that_does_not_answer_is_not_the_senders_fault(office, s3, monkeypatch):
    wanted = {"storage_url": "s3://videos/film.mp4"}
    away = office(s3_endpoint="http://127.0.0.1:9", import_buckets=("videos",))
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    answer = away.client.post("/analyze-video", data=wanted)
    assert answer.status_code == 503
    assert "does not answer" in answer.json()["error"]


def test_files_of_a_store_that_is_away_are_not_called_gone(office, working, s3, monkeypatch):
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    desk = office(storage="s3://kept/away", s3_endpoint=s3)
    with working(desk):
        job = desk.until(desk.submit("ok"))
    address = f"/jobs/{job['job_id']}"
    away = office(storage="s3://kept/away", s3_endpoint="http://127.0.0.1:9").client
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


def test_a_database_that_is_away_is_not_the_senders_fault(office):
    desk = office()
    with desk.parts.engine.begin() as connection:
        connection.execute(text("ALTER TABLE detection_results RENAME TO elsewhere"))
    for answer in (
        desk.client.get("/jobs"),
        desk.client.get("/metrics"),
        desk.client.post("/analyze-video", files={"file": ("a", b"ok")}),
    ):
        assert answer.status_code == 503
        assert "database does not answer" in answer.json()["error"]


def test_the_page_may_load_what_signed_links_lead_to(office, s3):
    desk = office(storage="s3://kept/unmask", s3_endpoint=s3)
    policy = desk.client.get("/app").headers["Content-Security-Policy"]
    assert f"img-src 'self' blob: {s3};" in policy
    assert "http" not in office().client.get("/app").headers["Content-Security-Policy"]
