"""What may come in, what is made of it, and what is the same as before."""

import os
import threading
from hashlib import sha256

import pytest


def test_the_same_key_and_file_give_the_same_job(office):
    desk = office()
    first = desk.submit("one", key="k-1")
    assert desk.submit("one", key="k-1") == first
    assert desk.submit("one", key="k-2") != first
    assert desk.client.get("/jobs").json()["total"] == 2
    assert len(list((desk.parts.settings.folder / "files").iterdir())) == 2


@pytest.mark.parametrize("other", [{"text": "two"}, {"text": "one", "retention": "zero"}])
def test_a_key_that_belongs_to_something_else_is_refused(office, other):
    desk = office()
    desk.submit("one", key="k")
    form = {name: value for name, value in other.items() if name != "text"}
    answer = desk.client.post(
        "/analyze-video",
        files={"file": ("a.mp4", other["text"].encode())},
        data=form,
        headers={"Idempotency-Key": "k"},
    )
    assert answer.status_code == 409
    assert "use a new key" in answer.json()["error"]


def test_the_same_video_twice_is_analyzed_once_and_says_so(office, working, tmp_path, monkeypatch):
    monkeypatch.setenv("BEGUN", str(tmp_path / "begun"))
    desk = office()
    with working(desk, own=True):
        first = desk.until(desk.submit("film one", name="a.mp4"))
        again = desk.until(desk.submit("film one", name="b.mp4"))
        part = desk.until(desk.submit("film one", start_s=1.0))
    assert [job["cached"] for job in (first, again, part)] == [False, True, False]
    assert again["result"] == {
        **first["result"], "media": {**first["result"]["media"], "file": "b.mp4"}
    }  # fmt: skip
    assert (tmp_path / "begun").read_text() == "film one\nfilm one\n"
    desk.client.delete(f"/jobs/{first['job_id']}")
    assert desk.client.get(again["evidence"][0]["url"]).status_code == 200


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"start_s": 5, "end_s": 2}, "end_s must come after start_s"),
        ({"end_s": 0}, "end_s"),
        ({"start_s": -1}, "start_s"),
        ({"start_s": "nan"}, "start_s"),
        ({"start_s": 1e300}, "start_s"),
        ({"end_s": 1e300}, "end_s"),
        ({"retention": "forever"}, "retention"),
        ({"storage_url": "s3://bucket/key"}, "send one video"),
    ],
)
def test_options_that_make_no_sense_are_refused(office, form, words):
    answer = office().client.post("/analyze-video", files={"file": ("a", b"x")}, data=form)
    assert answer.status_code == 422
    assert words in answer.json()["error"]


@pytest.mark.parametrize(
    "address",
    ["s3://other/key", "s3://videos", "file:///etc/passwd", "http://videos/key", "s3://videos/"],
)
def test_only_allowed_buckets_are_read(office, address):
    desk = office(import_buckets=("videos",))
    answer = desk.client.post("/analyze-video", data={"storage_url": address})
    assert answer.status_code == 422
    assert "videos" in answer.json()["error"]


def test_a_batch_is_a_job_for_each_file_and_says_which_was_refused(office, working):
    desk = office()
    files = [("files", ("a.mp4", b"ok")), ("files", ("b.mp4", b"")), ("files", ("c", b"real"))]
    answer = desk.client.post("/batch", files=files)
    assert answer.status_code == 202
    told = answer.json()
    assert (told["accepted"], told["refused"]) == (2, 1)
    assert [item["file"] for item in told["items"]] == ["a.mp4", "b.mp4", "c"]
    assert "is empty" in told["items"][1]["error"]
    with working(desk):
        jobs = [desk.until(item["job_id"]) for item in told["items"] if item["job_id"]]
    assert [job["verdict"] for job in jobs] == ["fake", "real"]
    listed = desk.client.get("/jobs", params={"batch": told["batch_id"]}).json()
    assert {job["job_id"] for job in listed["jobs"]} == {job["job_id"] for job in jobs}


def test_a_form_of_countless_parts_is_refused(office):
    client = office().client
    many = [("files", (str(number), b"x")) for number in range(60)]
    answer = client.post("/batch", files=many)
    assert (answer.status_code, answer.json()["error"]) == (
        422, "at most 50 files are taken at once; send the others afterwards"
    )  # fmt: skip
    fields = {str(number): "x" for number in range(30)}
    answer = client.post("/analyze-video", files={"file": ("a", b"x")}, data=fields)
    assert answer.status_code == 400


def test_a_result_used_again_brings_no_pictures_where_none_are_wanted(office, working):
    desk = office()
    with working(desk):
        first = desk.until(desk.submit("film one"))
        again = desk.until(desk.submit("film one", retention="zero"))
    assert first["evidence"]
    assert (again["cached"], again["evidence"], again["result"]["evidence"]) == (True, [], [])


def test_a_full_queue_says_when_to_come_again_before_it_reads_the_upload(office):
    desk = office(max_queued=2)
    desk.submit("1")
    desk.submit("2")
    for path in ("/analyze-video", "/batch"):
        answer = desk.client.post(path, files={"file": ("a", b"x")})
        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) > 0


def test_many_at_once_fill_the_queue_and_no_more(office):
    desk, ready, answers = office(max_queued=3), threading.Barrier(8), []
    desk.client.get("/limits")  # the first request puts the application together, in one thread
    desk.parts.ledger.check_room = lambda *_: 9  # all of them came while there was room

    def submit(number):
        ready.wait()
        file = {"file": ("a", str(number).encode())}
        answer = desk.client.post("/analyze-video", files=file)
        answers.append((answer.status_code, "Retry-After" in answer.headers))

    threads = [threading.Thread(target=submit, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [(202, False)] * 3 + [(429, True)] * 5
    assert len(list((desk.parts.settings.folder / "files").rglob("upload"))) == 3


def test_a_job_that_comes_again_needs_no_room(office):
    desk = office(max_queued=1)
    first = desk.submit("one", key="k")
    assert desk.submit("one", key="k") == first
    answer = desk.client.post(
        "/analyze-video", files={"file": ("a", b"two")}, headers={"Idempotency-Key": "new"}
    )
    assert answer.status_code == 429


def test_of_a_batch_each_file_may_be_as_large_as_one_alone(office):
    desk = office(max_upload_mib=1, max_batch_mib=4)
    sizes = (900_000, 1_200_000, 900_000)
    files = [("files", (str(size), bytes([number]) * size)) for number, size in enumerate(sizes)]
    told = desk.client.post("/batch", files=files).json()
    assert [item["job_id"] is not None for item in told["items"]] == [True, False, True]
    assert "larger than 1 MiB" in told["items"][1]["error"]
    assert not list(desk.parts.store.work.iterdir())
    assert desk.client.post("/batch", files=2 * files).status_code == 413


def test_a_batch_fills_the_queue_and_no_more(office):
    desk = office(max_queued=2)
    files = [("files", (f"{number}.mp4", b"x%d" % number)) for number in range(4)]
    told = desk.client.post("/batch", files=files).json()
    assert (told["accepted"], told["refused"]) == (2, 2)
    assert "too many jobs" in told["items"][3]["error"]


@pytest.mark.parametrize("size_bytes", [1, 2**20 - 1, 2**20, 3 * 2**20 + 17])
def test_an_upload_of_any_size_arrives_whole_and_leaves_nothing_on_its_way(office, size_bytes):
    desk, content = office(), os.urandom(size_bytes)
    form = {"file": ("a.mp4", content), "retention": (None, "keep")}
    answer = desk.client.post("/analyze-video", files=form)
    assert answer.status_code == 202
    job = desk.job(answer.json()["job_id"])
    assert (job["size_bytes"], job["sha256"]) == (size_bytes, sha256(content).hexdigest())
    assert desk.client.get(job["video_url"]).content == content
    assert not list(desk.parts.store.work.iterdir())


@pytest.mark.parametrize("end", [b"", b"\r\n--b"])
def test_a_form_that_breaks_off_is_refused_and_leaves_nothing(office, end):
    desk = office()
    begin = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n'
    answer = desk.client.post(
        "/analyze-video",
        content=begin + os.urandom(2**21) + end,
        headers={"content-type": "multipart/form-data; boundary=b"},
    )
    assert answer.status_code in (400, 422)
    assert "error" in answer.json()
    assert not list(desk.parts.store.work.iterdir())
    assert desk.client.get("/jobs").json()["total"] == 0
