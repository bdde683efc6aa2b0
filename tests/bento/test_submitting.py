"""What may come in, what is made of it, and what is the same as before."""

import json
import os
import threading
import time
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bento import settings
from bento.settings import ServiceSettings
from bento.table import Job
from unmask.errors import ConfigError


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


def test_what_was_not_to_be_kept_is_not_used_again(office, working):
    desk = office()
    with working(desk):
        first = desk.until(desk.submit("film", retention="zero"))
        again = desk.until(desk.submit("film"))
    assert first["evidence"] == []
    assert not again["cached"]


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
    desk.parts.ledger.check_room = lambda *_: None  # all of them came while there was room

    def submit(number):
        ready.wait()
        file = {"file": ("a", str(number).encode())}
        answers.append(desk.client.post("/analyze-video", files=file).status_code)

    threads = [threading.Thread(target=submit, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [202] * 3 + [429] * 5
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


def test_one_part_of_a_round_that_fails_stops_no_other(office, working, monkeypatch):
    desk = office(zero_minutes=1e-4)
    with working(desk):
        job = desk.until(desk.submit(retention="zero"))["job_id"]
    monkeypatch.setattr(desk.parts.claims, "reap", lambda _: 1 / 0)
    desk.keeper.round()
    assert desk.client.get(f"/jobs/{job}").status_code == 404


def test_a_batch_fills_the_queue_and_no_more(office):
    desk = office(max_queued=2)
    files = [("files", (f"{number}.mp4", b"x%d" % number)) for number in range(4)]
    told = desk.client.post("/batch", files=files).json()
    assert (told["accepted"], told["refused"]) == (2, 2)
    assert "too many jobs" in told["items"][3]["error"]


def test_lists_are_paged_and_filtered(office, working):
    desk = office()
    with working(desk):
        jobs = [desk.submit(text) for text in ("ok", "real", "refuse no", "real two")]
        for job in jobs:
            desk.until(job)
    seen, address = [], "/jobs?limit=3"
    while address:
        page = desk.client.get(address).json()
        seen += [job["job_id"] for job in page["jobs"]]
        address = page["next"]
    assert seen == jobs[::-1]
    assert page["total"] == 4
    found = desk.client.get("/jobs", params={"verdict": "real"}).json()
    assert [job["job_id"] for job in found["jobs"]] == [jobs[3], jobs[1]]
    found = desk.client.get("/jobs", params={"status": "failed"}).json()
    assert [job["job_id"] for job in found["jobs"]] == [jobs[2]]


def test_a_waiting_job_is_cancelled_and_its_upload_goes(office):
    desk = office()
    job = desk.submit()
    assert desk.client.delete(f"/jobs/{job}").json() == {"job_id": job, "status": "cancelled"}
    assert desk.job(job)["status"] == "cancelled"
    assert not desk.parts.store.exists(f"{job}/upload")
    assert desk.parts.claims.claim(job) is None


def test_a_running_job_is_cancelled_and_the_worker_goes_on(office, working):
    desk = office()
    with working(desk, own=True):
        running = desk.submit("sleep 60")
        desk.until(running, "running")
        assert desk.client.delete(f"/jobs/{running}").json()["status"] == "cancelled"
        assert desk.until(desk.submit("ok"))["status"] == "done"
        assert desk.job(running)["status"] == "cancelled"
    assert list((desk.parts.settings.folder / "files" / running).glob("*")) == []


def test_deleting_a_finished_job_leaves_nothing_of_it(office, working):
    desk = office()
    with working(desk):
        job = desk.until(desk.submit("ok"))
    address = f"/jobs/{job['job_id']}"
    assert desk.client.delete(address).json()["status"] == "deleted"
    for gone in (address, f"{address}/report.json", job["video_url"], job["evidence"][0]["url"]):
        assert desk.client.get(gone).status_code == 404
    assert desk.client.delete(address).status_code == 404
    assert list((desk.parts.settings.folder / "files").iterdir()) == []


def test_events_tell_every_step_and_end_with_the_job(office, working):
    desk = office()
    with working(desk):
        job = desk.submit("sleep 1")
        with desk.client.stream("GET", f"/jobs/{job}/events") as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            lines = list(stream.iter_lines())
    told = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data")]
    assert [view["status"] for view in told][-1] == "done"
    assert "running" in {view["status"] for view in told}
    assert told[-1]["result"]["verdict"] == "fake"
    percents = [view["percent"] for view in told]
    assert percents == sorted(percents)


def test_results_go_when_their_time_is_over(office, working):
    desk = office(zero_minutes=1e-4, keep_days=1.0)
    with working(desk):
        short = desk.until(desk.submit("one", retention="zero"))["job_id"]
        kept = desk.until(desk.submit("two"))["job_id"]
    desk.keeper.round()
    assert desk.client.get(f"/jobs/{short}").status_code == 404
    assert desk.job(kept)["status"] == "done"
    assert [path.name for path in (desk.parts.settings.folder / "files").iterdir()] == [kept]


def test_what_a_killed_process_left_on_its_way_goes_after_a_day(office):
    desk = office()
    work = desk.parts.store.work
    for name, age_s in (("old", 90_000), ("new", 0)):
        (work / name).write_bytes(b"x")
        os.utime(work / name, (time.time() - age_s,) * 2)
    (work / "folder").mkdir()
    (work / "folder" / "file").write_bytes(b"x")
    os.utime(work / "folder", (0, 0))
    desk.keeper.round()
    assert [path.name for path in work.iterdir()] == ["new"]


def test_an_upload_that_never_became_a_job_goes_after_a_day(office):
    desk = office()
    kept, lost, young = desk.submit("kept"), "1" * 32, "2" * 32
    for name in (lost, young):
        arrival = desk.parts.store.work / name
        arrival.write_bytes(b"x")
        desk.parts.store.put(f"{name}/upload", arrival)
    files = desk.parts.settings.folder / "files"
    for name in (kept, lost):
        os.utime(files / name / "upload", (0, 0))
    desk.keeper.round()
    assert sorted(path.name for path in files.iterdir()) == sorted((kept, young))


@pytest.mark.parametrize(("retention", "kept_s"), [("zero", 900), ("delete_upload", 86_400)])
def test_an_upload_goes_also_when_the_worker_was_lost(office, retention, kept_s):
    desk = office(keep_days=1.0)
    job_id = desk.submit("one", retention=retention)
    with Session(desk.parts.engine) as session:
        lost = {"status": "running", "attempts": 99, "lease_until": 1.0, "worker": "x"}
        session.execute(update(Job).values(**lost))
        session.commit()
    begin = time.time()
    desk.keeper.round()
    assert desk.job(job_id)["status"] == "failed"
    assert desk.job(job_id)["video_url"] is None
    assert not list((desk.parts.settings.folder / "files").rglob("upload"))
    with Session(desk.parts.engine) as session:
        assert session.scalars(select(Job.expires_at)).one() == pytest.approx(begin + kept_s, abs=5)


@pytest.mark.parametrize(
    ("name", "value"), [("UNMASK_MAX_UPLOAD_MIB", "0"), ("UNMASK_LEASE_S", "soon")]
)
def test_a_setting_that_makes_no_sense_is_named(name, value):
    with pytest.raises(ConfigError, match=name):
        ServiceSettings.from_environment({name: value})


def test_a_path_that_bentoml_would_look_for_elsewhere_is_refused():
    with pytest.raises(ConfigError, match="UNMASK_API_KEYS_FILE: keys is relative"):
        ServiceSettings.from_environment({"UNMASK_API_KEYS_FILE": "keys"})
    given = {"UNMASK_API_KEYS_FILE": "/a/keys", "UNMASK_STORAGE": "s3://a/b"}
    assert ServiceSettings.from_environment(given).api_keys_file == Path("/a/keys")


def test_every_setting_can_be_looked_up(capsys):
    settings.main()
    told = capsys.readouterr().out.splitlines()
    names = [f"UNMASK_{name.upper()}" for name in ServiceSettings.model_fields]
    assert [line.split()[0] for line in told] == names


def test_a_store_elsewhere_is_known_by_the_name_that_other_tools_know_it_by():
    def found(**environment):
        return ServiceSettings.from_environment(environment).s3_endpoint

    assert found() == ""
    assert found(AWS_ENDPOINT_URL="http://a") == "http://a"
    assert found(AWS_ENDPOINT_URL="http://a", AWS_ENDPOINT_URL_S3="http://b") == "http://b"
    assert found(AWS_ENDPOINT_URL="http://a", UNMASK_S3_ENDPOINT="http://c") == "http://c"


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
