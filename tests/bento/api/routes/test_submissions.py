"""`POST /analyze-video` and `POST /batch`: form fields, options and batches."""

import io
import os
import zipfile
from errno import ENOSPC
from types import SimpleNamespace

import pytest

from bento.api.error_handlers import FILE_REQUIRED, FILES_REQUIRED
from bento.api.routes.submissions import ONE_SOURCE_REQUIRED
from bento.uploads.upload_file import UploadedFile

UPLOAD_ROUTES = [("/analyze-video", "file"), ("/batch", "files"), ("/predict", "file")]


def post_video(service, content=b"ok", form=None, headers=None):
    files = {"file": ("a.mp4", content)}
    return service.client.post("/analyze-video", files=files, data=form, headers=headers)


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"start_s": 5, "end_s": 2}, "end_s must be greater than start_s"),
        ({"end_s": 0}, "end_s: "),
        ({"start_s": -1}, "start_s: "),
        ({"start_s": "nan"}, "start_s: "),
        ({"start_s": 1e300}, "start_s: "),
        ({"end_s": 1e300}, "end_s: "),
        ({"retention": "forever"}, "retention: "),
        ({"retention": ""}, "retention: is empty"),
        ({"end_s": ""}, "end_s: is empty"),
        ({"webhook_url": "https://a.example/\x00"}, "webhook_url: "),
        ({"storage_url": "s3://bucket/key"}, "send either one video"),
        ({"webhook_url": "https://a.example/" + "a" * 2000}, "webhook_url: "),
    ],
)
def test_invalid_option_gets_422(make_service, form, message):
    response = post_video(make_service(), form=form)
    assert response.status_code == 422
    assert response.json()["error"].startswith(message)


@pytest.mark.parametrize(
    ("query", "form", "message"),
    [
        ("", {"Retention": "zero"}, "Retention: field names are lower case; send retention"),
        ("", {"retention": ["zero", "keep"]}, "retention: is given 2 times; send it once"),
        (
            "?retention=zero",
            {},
            "retention: send it as a form field, not in the query string",
        ),
        ("?retenton=zero", {}, "retenton: send it as a form field, not in the query string"),
    ],
    ids=["upper case", "repeated", "query string", "unknown in the query string"],
)
@pytest.mark.parametrize(("route", "field"), [("/analyze-video", "file"), ("/batch", "files")])
def test_option_is_never_ignored_silently(make_service, route, field, query, form, message):
    service = make_service()
    response = service.client.post(f"{route}{query}", files={field: ("a", b"ok")}, data=form)
    assert (response.status_code, response.json()["detail"]) == (422, message)
    assert service.client.get("/jobs").json()["total"] == 0


@pytest.mark.parametrize("name", ["retenton", "retention ", "file2", "x" * 200])
@pytest.mark.parametrize(("route", "field"), [("/analyze-video", "file"), ("/batch", "files")])
@pytest.mark.parametrize("kind", ["text", "file"])
def test_unknown_field_is_refused_and_the_known_ones_are_named(
    make_service, route, field, name, kind
):
    service = make_service()
    files = [(field, ("a", b"ok")), *([(name, ("b", b"ok"))] if kind == "file" else [])]
    form = {name: "zero"} if kind == "text" else {}
    response = service.client.post(route, files=files, data=form)
    assert response.status_code == 400
    error = response.json()["error"]
    assert error.startswith(f"{name[:80]}: unknown form field; send ")
    assert {field, "webhook_url", "retention"} <= set(error.rpartition("send ")[2].split(", "))
    assert service.client.get("/jobs").json()["total"] == 0
    assert not list(service.services.store.work.iterdir())


@pytest.mark.parametrize("name", ["start_s", "end_s", "storage_url"])
def test_option_that_a_batch_does_not_have_is_refused(make_service, name):
    response = make_service().client.post("/batch", files={"files": ("a", b"ok")}, data={name: 1})
    assert response.status_code == 400
    assert response.json()["error"].startswith(f"{name}: unknown form field")


def test_unknown_field_of_a_form_without_file_is_refused(make_service):
    form = {"storage_url": "s3://bucket/key", "retenton": "zero"}
    response = make_service().client.post("/analyze-video", data=form)
    assert response.status_code == 400
    assert response.json()["error"].startswith("retenton: unknown form field")


def test_long_text_field_gets_400(make_service):
    assert post_video(make_service(), form={"webhook_url": "x" * 20_000}).status_code == 400


def test_options_are_stored_with_the_job(make_service):
    service = make_service()
    job = service.job(service.submit(start_s=1.5, end_s=4, retention="delete_upload"))
    options = {"start_s": 1.5, "end_s": 4.0, "retention": "delete_upload"}
    unset = dict.fromkeys(("webhook_url", "operator", "case_number"))
    assert job["options"] == options | unset


def test_two_videos_for_one_job_get_422(make_service):
    files = [("file", ("a", b"ok")), ("file", ("b", b"ok"))]
    response = make_service().client.post("/analyze-video", files=files)
    assert response.status_code == 422
    assert response.json()["detail"] == "file: is given 2 times; send it once"


@pytest.mark.parametrize(
    ("request_", "status"),
    [({}, 415), ({"data": {"files": "abc"}}, 415)],
    ids=["empty", "text field"],
)
def test_batch_without_files_names_the_required_field(make_service, request_, status):
    response = make_service().client.post("/batch", **request_)
    assert (response.status_code, response.json()["detail"]) == (status, FILES_REQUIRED)


@pytest.mark.parametrize("request_", [{}, {"json": {"file": "a.mp4"}}], ids=["empty", "JSON"])
def test_body_that_is_no_form_gets_415(make_service, request_):
    response = make_service().client.post("/analyze-video", **request_)
    assert (response.status_code, response.json()["detail"]) == (415, FILE_REQUIRED)


def test_batch_creates_a_job_for_each_file_and_lists_refusals(make_service, running_worker):
    service = make_service()
    files = [("files", ("a.mp4", b"ok")), ("files", ("b.mp4", b"")), ("files", ("c", b"real"))]
    response = service.client.post("/batch", files=files)
    assert response.status_code == 202
    batch = response.json()
    assert (batch["accepted"], batch["refused"]) == (2, 1)
    assert [item["file"] for item in batch["items"]] == ["a.mp4", "b.mp4", "c"]
    assert "is empty" in batch["items"][1]["error"]
    ids = [item["job_id"] for item in batch["items"] if item["job_id"]]
    with running_worker(service):
        jobs = [service.wait_for(job_id) for job_id in ids]
    assert [job["verdict"] for job in jobs] == ["fake", "real"]
    listed = service.client.get("/jobs", params={"batch": batch["batch_id"]}).json()
    assert {job["job_id"] for job in listed["jobs"]} == set(ids)


@pytest.mark.parametrize("packed", [False, True], ids=["files", "zip"])
def test_repeated_batch_returns_the_same_jobs_even_when_the_queue_is_full(make_service, packed):
    service = make_service(max_queued=2)

    def send(second=b"two"):
        contents = {"a.mp4": b"one", "b.mp4": second}
        files = [("files", item) for item in contents.items()]
        if packed:
            files = [("files", ("a.zip", zipped(contents)))]
        headers = {"Idempotency-Key": "today"}
        return service.client.post("/batch", files=files, headers=headers)

    first, again = send(), send()
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json() == first.json()
    assert service.client.get("/jobs").json()["total"] == 2
    conflict = send(second=b"other")
    assert conflict.status_code == 409
    assert conflict.json()["error"].startswith("Idempotency-Key 'today' was")
    batch = service.client.get("/jobs", params={"batch": first.json()["batch_id"]}).json()
    assert batch["total"] == 2


def test_batch_size_limit_applies_to_each_file(make_service):
    service = make_service(max_upload_mib=1, max_batch_mib=4)
    sizes = (900_000, 1_200_000, 900_000)
    files = [("files", (str(size), bytes([number]) * size)) for number, size in enumerate(sizes)]
    batch = service.client.post("/batch", files=files).json()
    assert [item["job_id"] is not None for item in batch["items"]] == [True, False, True]
    assert "larger than 1 MiB" in batch["items"][1]["error"]
    assert not list(service.services.store.work.iterdir())
    assert service.client.post("/batch", files=2 * files).status_code == 413


def test_batch_stops_where_the_queue_is_full(make_service):
    service = make_service(max_queued=2)
    files = [("files", (f"{number}.mp4", b"x%d" % number)) for number in range(4)]
    batch = service.client.post("/batch", files=files).json()
    assert (batch["accepted"], batch["refused"]) == (2, 2)
    assert "too many jobs" in batch["items"][3]["error"]


def zipped(contents):
    """A zip archive of ``contents``, deflated."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in contents.items():
            target.writestr(name, content)
    return archive.getvalue()


def test_batch_that_exceeds_the_quota_when_unpacked_names_the_jobs_that_it_made(make_service):
    service = make_service(max_stored_mib_per_tenant=2)
    contents = {f"{number}.mp4": bytes([number]) * 900_000 for number in range(4)}
    files = {"files": ("a.zip", zipped(contents))}
    response = service.client.post("/batch", files=files)
    assert response.status_code == 202
    items = response.json()["items"]
    assert [item["job_id"] is not None for item in items] == [True, True, False, False]
    assert "exceed 2 MiB" in items[2]["error"]
    listed = {job["job_id"] for job in service.client.get("/jobs").json()["jobs"]}
    assert listed == {item["job_id"] for item in items[:2]}
    assert service.services.store.list_job_ids(-60) == listed


def test_unpacking_leaves_the_floor_of_free_disk_space(make_service, monkeypatch):
    service = make_service(min_free_mib=100)
    free = iter([200 << 20] * 8)  # the request, its one block and a few of the first member
    monkeypatch.setattr(
        os, "statvfs", lambda _: SimpleNamespace(f_bavail=next(free, 0), f_frsize=1)
    )
    long = os.urandom(1 << 19) + bytes(15 << 20)  # deflated less than a zip bomb
    contents = {"a.mp4": bytes(1 << 20), "b.mp4": long}
    response = service.client.post("/batch", files={"files": ("a.zip", zipped(contents))})
    items = response.json()["items"]
    assert [item["job_id"] is not None for item in items] == [True, False]
    assert "disk space" in items[1]["error"]
    monkeypatch.undo()
    assert not list(service.services.store.work.iterdir())


def test_form_with_too_many_files_gets_422(make_service):
    files = [("files", (str(number), b"x")) for number in range(60)]
    response = make_service().client.post("/batch", files=files)
    message = "at most 50 files per request; send the others separately"
    assert (response.status_code, response.json()["detail"]) == (422, message)


def test_form_with_too_many_fields_gets_400(make_service):
    fields = {str(number): "x" for number in range(30)}
    assert post_video(make_service(), form=fields).status_code == 400


@pytest.mark.parametrize("path", ["/analyze-video", "/batch"])
def test_full_queue_gets_429_before_the_upload_is_read(make_service, path):
    service = make_service(max_queued=1)
    service.submit("1")

    def body():
        raise AssertionError("the body was read")
        yield b""

    headers = {"content-type": "multipart/form-data; boundary=b", "transfer-encoding": "chunked"}
    response = service.client.post(path, content=body(), headers=headers)
    assert response.status_code == 429
    assert int(response.headers["Retry-After"]) > 0


def test_repeated_submission_needs_no_capacity(make_service):
    service = make_service(max_queued=1)
    first = service.submit("one", key="k")
    assert service.submit("one", key="k") == first
    assert post_video(service, b"two", headers={"Idempotency-Key": "new"}).status_code == 429


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("https://a.example:99999/", 422),
        ("http://a.example/", 422),
        ("https://user:password@a.example/", 422),
        ("https://127.0.0.1/", 422),
    ],
)
def test_undeliverable_webhook_is_refused_before_the_upload_is_stored(make_service, url, status):
    service = make_service()
    response = post_video(service, form={"webhook_url": url})
    assert response.status_code == status
    assert response.json()["error"].startswith("webhook_url: ")
    assert service.client.get("/jobs").json()["total"] == 0
    assert not list(service.services.store.work.iterdir())


@pytest.mark.parametrize("end", [b"", b"\r\n--b"], ids=["inside a part", "inside a boundary"])
def test_truncated_form_is_refused_and_leaves_no_data(make_service, end):
    service = make_service()
    start = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n'
    response = service.client.post(
        "/analyze-video",
        content=start + os.urandom(2**21) + end,
        headers={"content-type": "multipart/form-data; boundary=b"},
    )
    assert (response.status_code, response.json()["detail"]) == (422, ONE_SOURCE_REQUIRED)
    assert not list(service.services.store.work.iterdir())
    assert service.client.get("/jobs").json()["total"] == 0


def full_disk(monkeypatch, free_bytes):
    """Let the disk have ``free_bytes`` left."""
    status = SimpleNamespace(f_bavail=free_bytes, f_frsize=1)
    monkeypatch.setattr(os, "statvfs", lambda _: status)


@pytest.mark.parametrize(("path", "field"), UPLOAD_ROUTES)
def test_upload_without_room_gets_507_before_it_is_read(make_service, monkeypatch, path, field):
    service = make_service(min_free_mib=100)
    full_disk(monkeypatch, 101 << 20)

    def body():
        raise AssertionError("the body was read")
        yield b""

    content_type = {"content-type": "multipart/form-data; boundary=b"}
    for headers in ({"content-length": str(2 << 20)}, {"transfer-encoding": "chunked"}):
        if "transfer-encoding" in headers:
            full_disk(monkeypatch, 99 << 20)
        response = service.client.post(path, content=body(), headers={**content_type, **headers})
        assert response.status_code == 507
        assert int(response.headers["Retry-After"]) > 0
        assert "disk space" in response.json()["error"]


@pytest.mark.parametrize(("path", "field"), UPLOAD_ROUTES)
@pytest.mark.parametrize("reason", ["floor", "full"])
def test_disk_that_fills_up_during_an_upload_gets_507_and_keeps_nothing(
    make_service, monkeypatch, path, field, reason
):
    service = make_service(min_free_mib=100)
    if reason == "floor":
        free = iter([200 << 20])
        monkeypatch.setattr(
            os, "statvfs", lambda _: SimpleNamespace(f_bavail=next(free, 0), f_frsize=1)
        )
    else:

        def write(*_):
            raise OSError(ENOSPC, "No space left on device")

        monkeypatch.setattr(UploadedFile, "write", write)
    response = service.client.post(path, files={field: ("a.mp4", bytes(2 << 20))})
    assert response.status_code == 507
    assert int(response.headers["Retry-After"]) > 0
    monkeypatch.undo()
    assert service.client.get("/jobs").json()["total"] == 0
    assert not list(service.services.store.work.iterdir())


def test_delete_makes_room_on_a_full_disk(make_service, monkeypatch):
    service = make_service()
    job_id = service.submit()
    full_disk(monkeypatch, 0)
    assert service.client.delete(f"/jobs/{job_id}").status_code == 200
