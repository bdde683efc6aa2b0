"""The submission service: idempotency, result reuse, capacity and stored content."""

import os
import threading
from hashlib import sha256

import pytest

from bento.uploads.submission import safe_filename


def test_same_key_and_file_return_the_same_job(make_service):
    service = make_service()
    first = service.submit("one", key="k-1")
    assert service.submit("one", key="k-1") == first
    assert service.submit("one", key="k-2") != first
    assert service.client.get("/jobs").json()["total"] == 2
    assert len(list((service.services.settings.folder / "files").iterdir())) == 2


@pytest.mark.parametrize(
    ("content", "form"), [(b"two", {}), (b"one", {"retention": "zero"})], ids=["file", "options"]
)
def test_key_used_for_another_submission_gets_409(make_service, content, form):
    service = make_service()
    service.submit("one", key="k")
    response = service.client.post(
        "/analyze-video",
        files={"file": ("a.mp4", content)},
        data=form,
        headers={"Idempotency-Key": "k"},
    )
    assert response.status_code == 409
    assert "use a new key" in response.json()["error"]


def test_same_video_is_analyzed_once(make_service, running_worker, tmp_path, monkeypatch):
    log = tmp_path / "log"
    monkeypatch.setenv("PYTHON_CHILD_LOG", str(log))
    service = make_service()
    with running_worker(service, own=True):
        first = service.wait_for(service.submit("video one", name="a.mp4"))
        again = service.wait_for(service.submit("video one", name="b.mp4"))
        region = service.wait_for(service.submit("video one", start_s=1.0))
    assert [job["cached"] for job in (first, again, region)] == [False, True, False]
    media = {**first["result"]["media"], "file": "b.mp4"}
    signature = again["result"]["signature"]  # it covers the name of the file
    assert signature != first["result"]["signature"]
    # each upload has its own time
    custody = {**first["result"]["custody"]}
    custody["received_at"] = again["result"]["custody"]["received_at"]
    own = {"media": media, "custody": custody, "signature": signature}
    assert again["result"] == {**first["result"], **own}
    assert log.read_text() == "video one\nvideo one\n"
    service.client.delete(f"/jobs/{first['job_id']}")
    assert service.client.get(again["evidence"][0]["url"]).status_code == 200


def test_reused_result_has_no_images_under_zero_retention(make_service, running_worker):
    service = make_service()
    with running_worker(service):
        first = service.wait_for(service.submit("video one"))
        again = service.wait_for(service.submit("video one", retention="zero"))
    assert first["evidence"]
    assert (again["cached"], again["evidence"], again["result"]["evidence"]) == (True, [], [])


@pytest.mark.parametrize(
    "url",
    ["s3://other/key", "s3://videos", "file:///etc/passwd", "s3://videos/"],
)
def test_only_allowed_buckets_are_read(make_service, url):
    service = make_service(import_buckets=("videos",))
    response = service.client.post("/analyze-video", data={"storage_url": url})
    assert response.status_code == 422
    assert "in an allowed bucket (videos)" in response.json()["error"]


def test_name_of_an_allowed_bucket_is_no_allowed_host(make_service):
    service = make_service(import_buckets=("videos",))
    form = {"storage_url": "http://videos/key"}
    response = service.client.post("/analyze-video", data=form)
    assert response.status_code == 422
    assert "its host, or one that it redirects to, is not allowed" in response.json()["error"]


def test_concurrent_submissions_never_overfill_the_queue(make_service, monkeypatch):
    service, start, responses = make_service(max_queued=3), threading.Barrier(8), []
    service.client.get("/limits")  # builds the middleware stack in this thread
    # every request passes admission, as if all had arrived while there was capacity
    monkeypatch.setattr(service.services.jobs, "available_capacity", lambda *_: 9)

    def submit(number):
        start.wait()
        files = {"file": ("a.mp4", str(number).encode())}
        response = service.client.post("/analyze-video", files=files)
        responses.append((response.status_code, "Retry-After" in response.headers))

    threads = [threading.Thread(target=submit, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(responses) == [(202, False)] * 3 + [(429, True)] * 5
    assert len(list((service.services.settings.folder / "files").rglob("upload"))) == 3


@pytest.mark.parametrize("size_bytes", [1, 2**20 - 1, 2**20, 3 * 2**20 + 17])
def test_upload_of_any_size_is_stored_unchanged(make_service, size_bytes):
    service, content = make_service(), os.urandom(size_bytes)
    form = {"file": ("a.mp4", content), "retention": (None, "keep")}
    response = service.client.post("/analyze-video", files=form)
    assert response.status_code == 202
    job = service.job(response.json()["job_id"])
    assert (job["size_bytes"], job["sha256"]) == (size_bytes, sha256(content).hexdigest())
    assert service.client.get(job["video_url"]).content == content
    assert not list(service.services.store.work.iterdir())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\videos\\a.mp4", "a.mp4"),
        ("a\x00b\u202e.mp4", "ab.mp4"),
        ("..", "upload"),
        ("", "upload"),
        ("x" * 300 + ".mp4", "x" * 196 + ".mp4"),
    ],
)
def test_filename_is_shown_without_folders_and_control_characters(name, expected):
    assert safe_filename(name) == expected
