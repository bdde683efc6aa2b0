"""Jobs: listing, status, cancellation, deletion and server-sent events."""

import json
from base64 import urlsafe_b64encode as b64encode

import pytest

from bento.api.dependencies import JOB_NOT_FOUND

UNKNOWN_ID = "0" * 32


def test_submitted_video_becomes_a_result(make_service, running_worker):
    service = make_service()
    with running_worker(service):
        job = service.wait_for(service.submit("ok", name="clip – ü.mp4"))
    assert (job["status"], job["verdict"], job["percent"]) == ("done", "fake", 100.0)
    assert job["result"]["media"]["file"] == "clip – ü.mp4"
    assert job["created_at"] <= job["started_at"] <= job["finished_at"] < job["expires_at"]
    assert (job["attempts"], job["cached"], job["queue_position"]) == (1, False, None)


def test_unreadable_file_fails_with_the_librarys_message(make_service, running_worker):
    service = make_service()
    with running_worker(service):
        job = service.wait_for(service.submit("refuse is not a video", name="b.mp4"))
    assert (job["status"], job["error"]) == ("failed", "b.mp4: is not a video")
    assert job["result"] is None


def test_list_is_paged_and_filtered(make_service, running_worker):
    service = make_service()
    with running_worker(service):
        jobs = [service.submit(content) for content in ("ok", "real", "refuse no", "real two")]
        for job in jobs:
            service.wait_for(job)

    def list_ids(**query):
        page = service.client.get("/jobs", params=query).json()
        return [job["job_id"] for job in page["jobs"]]

    listed, url = [], "/jobs?limit=3"
    while url:
        page = service.client.get(url).json()
        listed += [job["job_id"] for job in page["jobs"]]
        url = page["next"]
    assert listed == jobs[::-1]
    assert page["total"] == 4
    assert list_ids(verdict="real") == [jobs[3], jobs[1]]
    assert list_ids(status="failed") == [jobs[2]]


def test_a_cursor_is_not_shifted_by_new_jobs(make_service):
    service = make_service()
    jobs = [service.submit(str(number)) for number in range(4)][::-1]
    first = service.client.get("/jobs?limit=2").json()
    service.submit("new")
    second = service.client.get(first["next"]).json()
    assert [job["job_id"] for job in first["jobs"] + second["jobs"]] == jobs
    assert second["next"] is None


def test_a_client_that_counts_offsets_goes_on_with_them(make_service):
    service = make_service()
    jobs = [service.submit(str(number)) for number in range(5)][::-1]
    page = service.client.get("/jobs?limit=2&offset=1").json()
    assert page["next"] == "/jobs?limit=2&offset=3"
    last = service.client.get(page["next"]).json()
    assert [job["job_id"] for job in page["jobs"] + last["jobs"]] == jobs[1:]
    assert last["next"] is None


@pytest.mark.parametrize(
    ("sort", "key", "expected"),
    [
        ("newest", None, ["b.mp4", "Anna_2.mp4", "c.mp4", "anna1.mp4"]),
        ("oldest", None, ["anna1.mp4", "c.mp4", "Anna_2.mp4", "b.mp4"]),
        ("name", None, ["anna1.mp4", "Anna_2.mp4", "b.mp4", "c.mp4"]),
        ("probability", "fake_probability", [0.9, 0.9, 0.1, None]),
    ],
)
def test_every_order_is_kept_from_page_to_page(make_service, running_worker, sort, key, expected):
    service = make_service()
    with running_worker(service):
        names = ("anna1.mp4", "c.mp4", "Anna_2.mp4", "b.mp4")
        for name, content in zip(names, ("real", "ok", "refuse no", "ok 2"), strict=True):
            service.wait_for(service.submit(content, name=name))
    listed, url = [], f"/jobs?limit=1&sort={sort}"
    while url:
        page = service.client.get(url).json()
        listed += [job[key or "file"] for job in page["jobs"]]
        url = page["next"]
    assert listed == expected


def test_cursor_belongs_to_one_order(make_service):
    service = make_service()
    for name in ("a.mp4", "b.mp4"):
        service.submit(name=name)
    following = service.client.get("/jobs?limit=1&sort=name").json()["next"]
    assert service.client.get(following).status_code == 200
    assert service.client.get(following.replace("sort=name", "sort=oldest")).status_code == 422


def test_search_finds_part_of_a_name_and_takes_no_wildcards(make_service):
    service = make_service()
    for name in ("Interview 1.mp4", "50%.mp4", "50 of 60_a.mp4"):
        service.submit(name, name=name)

    def find(text):
        page = service.client.get("/jobs", params={"search": text}).json()
        return sorted(job["file"] for job in page["jobs"])

    assert find("interVIEW") == ["Interview 1.mp4"]
    assert find("%") == ["50%.mp4"]
    assert find("_") == ["50 of 60_a.mp4"]
    assert find("none") == []
    assert service.client.get("/jobs", params={"search": "a\0"}).status_code == 422


@pytest.mark.parametrize(
    "cursor",
    [
        *("a", "MQ==", "bmFuIGEw", "%C3%A9", "MSAyIDM="),
        *('["newest",NaN,"a"]', '["newest",1e400,"a"]', '["newest","x","a"]', '["newest",1,2]'),
        *('["newest",true,"a"]', '["newest",1,"\\u0000"]', '["newest",1]', "{}", '"abc"'),
    ],
)
def test_a_cursor_of_another_origin_is_refused(make_service, cursor):
    if cursor[0] in '["{':
        cursor = b64encode(cursor.encode()).decode()
    response = make_service().client.get(f"/jobs?cursor={cursor}")
    assert response.status_code == 422
    assert response.json()["detail"].startswith("cursor: ")


def test_a_cursor_goes_without_an_offset(make_service):
    service = make_service()
    service.submit("a")
    service.submit("b")
    following = service.client.get("/jobs?limit=1").json()["next"]
    assert service.client.get(f"{following}&offset=1").status_code == 422


def test_list_item_agrees_with_the_job(make_service, running_worker):
    service = make_service()
    with running_worker(service):
        job = service.wait_for(service.submit("ok"))
    (item,) = service.client.get("/jobs").json()["jobs"]
    assert item == {name: job[name] for name in item}
    assert (item["verdict"], item["fake_probability"]) == ("fake", 0.9)


def test_inconclusive_job_has_its_reason_and_no_number(make_service, running_worker):
    service = make_service()
    with running_worker(service):
        job = service.wait_for(service.submit("unlike"))
    (item,) = service.client.get("/jobs").json()["jobs"]
    assert job["result"]["reason"] == job["reason"] == item["reason"] == "demo_model"
    assert (item["verdict"], item["fake_probability"]) == ("inconclusive", None)


def test_list_names_the_calibration_clips_behind_a_probability(make_service, running_worker):
    service = make_service()
    with running_worker(service):
        service.wait_for(service.submit("calibrated"))
    (item,) = service.client.get("/jobs").json()["jobs"]
    assert item["calibration_clips"] == {"real_clips": 24, "fake_clips": 24}
    assert item["reason"] is None


def test_queued_jobs_have_positions_in_order_of_submission(make_service):
    service = make_service()
    jobs = [service.submit(str(number)) for number in range(3)]
    assert [service.job(job)["queue_position"] for job in jobs] == [1, 2, 3]
    assert {service.job(job)["status"] for job in jobs} == {"queued"}


@pytest.mark.parametrize("path", ["", "/events", "/report.json", "/report.pdf"])
def test_unknown_job_gets_404(make_service, path):
    response = make_service().client.get(f"/jobs/{UNKNOWN_ID}{path}")
    assert (response.status_code, response.json()["detail"]) == (404, JOB_NOT_FOUND)


def test_cancelled_queued_job_loses_its_upload(make_service):
    service = make_service()
    job = service.submit()
    assert service.client.delete(f"/jobs/{job}").json() == {"job_id": job, "status": "cancelled"}
    assert service.job(job)["status"] == "cancelled"
    assert not service.services.store.exists(f"{job}/upload")
    assert service.services.leases.acquire(job) is None


def test_worker_continues_after_its_job_is_cancelled(make_service, running_worker):
    service = make_service()
    with running_worker(service, own=True):
        running = service.submit("sleep 600")
        service.wait_for(running, "running")
        assert service.client.delete(f"/jobs/{running}").json()["status"] == "cancelled"
        assert service.wait_for(service.submit("ok"))["status"] == "done"
        assert service.job(running)["status"] == "cancelled"
    assert list((service.services.settings.folder / "files" / running).glob("*")) == []


def test_deleted_job_leaves_no_data(make_service, running_worker):
    service = make_service()
    with running_worker(service):
        job = service.wait_for(service.submit("ok"))
    path = f"/jobs/{job['job_id']}"
    assert service.client.delete(path).json()["status"] == "deleted"
    for url in (path, f"{path}/report.json", job["video_url"], job["evidence"][0]["url"]):
        assert service.client.get(url).status_code == 404
    assert service.client.delete(path).status_code == 404
    assert list((service.services.settings.folder / "files").iterdir()) == []


def test_events_report_every_change_and_end_with_the_job(make_service, running_worker):
    service = make_service()
    with running_worker(service):
        job = service.submit("sleep 1")
        with service.client.stream("GET", f"/jobs/{job}/events") as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            lines = list(stream.iter_lines())
    states = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data")]
    assert states[-1]["result"] == service.job(job)["result"]
    statuses = [state["status"] for state in states]
    assert statuses[-1] == "done"
    assert statuses == sorted(statuses, key=("queued", "running", "done").index)
    percents = [state["percent"] for state in states]
    assert percents == sorted(percents)


def test_filter_that_would_be_ignored_is_refused(make_service):
    service = make_service()
    response = service.client.get("/jobs", params={"stauts": "done"})
    assert response.status_code == 422
    assert response.json()["error"].startswith("stauts: ")
    assert service.client.get("/jobs", params={"status": "done"}).status_code == 200


def test_query_string_of_thousands_of_parameters_gets_414(make_service):
    query = "&".join(str(number) for number in range(2000))
    response = make_service().client.get(f"/jobs?{query}")
    assert response.status_code == 414
    assert "query string" in response.json()["error"]
