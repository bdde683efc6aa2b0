"""A job on its way: listed, told step by step, cancelled, deleted."""

import json


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
