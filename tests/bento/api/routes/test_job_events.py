"""A job on its way: listed, told step by step, cancelled, deleted."""

import json


def test_lists_are_paged_and_filtered(make_service, running_worker):
    service = make_service()
    with running_worker(service):
        jobs = [service.submit(text) for text in ("ok", "real", "refuse no", "real two")]
        for job in jobs:
            service.wait_for(job)
    seen, address = [], "/jobs?limit=3"
    while address:
        page = service.client.get(address).json()
        seen += [job["job_id"] for job in page["jobs"]]
        address = page["next"]
    assert seen == jobs[::-1]
    assert page["total"] == 4
    found = service.client.get("/jobs", params={"verdict": "real"}).json()
    assert [job["job_id"] for job in found["jobs"]] == [jobs[3], jobs[1]]
    found = service.client.get("/jobs", params={"status": "failed"}).json()
    assert [job["job_id"] for job in found["jobs"]] == [jobs[2]]


def test_a_waiting_job_is_cancelled_and_its_upload_goes(make_service):
    service = make_service()
    job = service.submit()
    assert service.client.delete(f"/jobs/{job}").json() == {"job_id": job, "status": "cancelled"}
    assert service.job(job)["status"] == "cancelled"
    assert not service.services.store.exists(f"{job}/upload")
    assert service.services.leases.acquire(job) is None


def test_a_running_job_is_cancelled_and_the_worker_goes_on(make_service, running_worker):
    service = make_service()
    with running_worker(service, own=True):
        running = service.submit("sleep 60")
        service.wait_for(running, "running")
        assert service.client.delete(f"/jobs/{running}").json()["status"] == "cancelled"
        assert service.wait_for(service.submit("ok"))["status"] == "done"
        assert service.job(running)["status"] == "cancelled"
    assert list((service.services.settings.folder / "files" / running).glob("*")) == []


def test_deleting_a_finished_job_leaves_nothing_of_it(make_service, running_worker):
    service = make_service()
    with running_worker(service):
        job = service.wait_for(service.submit("ok"))
    address = f"/jobs/{job['job_id']}"
    assert service.client.delete(address).json()["status"] == "deleted"
    for gone in (address, f"{address}/report.json", job["video_url"], job["evidence"][0]["url"]):
        assert service.client.get(gone).status_code == 404
    assert service.client.delete(address).status_code == 404
    assert list((service.services.settings.folder / "files").iterdir()) == []


def test_events_tell_every_step_and_end_with_the_job(make_service, running_worker):
    service = make_service()
    with running_worker(service):
        job = service.submit("sleep 1")
        with service.client.stream("GET", f"/jobs/{job}/events") as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            lines = list(stream.iter_lines())
    told = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data")]
    assert [view["status"] for view in told][-1] == "done"
    assert "running" in {view["status"] for view in told}
    assert told[-1]["result"]["verdict"] == "fake"
    percents = [view["percent"] for view in told]
    assert percents == sorted(percents)
