"""Stored results of all released schemas, and of unknown ones, are answered."""

import json
from pathlib import Path

import pytest
from sqlalchemy import update

from bento.db.models import Job
from bento.db.stored_values import read_leniently, read_report
from bento.db.transactions import update_one
from bento.jobs.submission import JobOptions
from bento.worker.job_runner import cache_key
from unmask.serving.report.schema import SCHEMA_VERSION

REPORTS = Path(__file__).parents[2] / "stored_reports"
RELEASED = sorted(REPORTS.glob("schema_*.json"))


def stored(path):
    return json.loads(path.read_text())


@pytest.fixture
def done_job(make_service, running_worker):
    """Return a finished job and a function that changes its row."""
    service = make_service()
    with running_worker(service):
        job = service.wait_for(service.submit("video"))

    def change(**values):
        statement = update(Job).where(Job.id == job["job_id"]).values(**values)
        assert update_one(service.services.engine, statement)
        return f"/jobs/{job['job_id']}"

    return service, change


def test_each_schema_has_a_stored_report():
    versions = {stored(path)["schema_version"] for path in RELEASED}
    assert versions >= set(range(1, SCHEMA_VERSION + 1))


@pytest.mark.parametrize("path", RELEASED, ids=lambda path: path.stem)
def test_a_report_of_each_released_schema_is_read(done_job, path):
    service, change = done_job
    result = stored(path)
    url = change(result=result, verdict=result["verdict"])
    detail = service.client.get(url).json()
    assert (detail["verdict"], detail["fake_probability"]) == ("fake", 0.9)
    assert detail["result"]["people"][0]["timeline"]
    assert detail["result"]["schema_version"] == result["schema_version"]
    assert service.client.get("/jobs").json()["jobs"][0]["fake_probability"] == 0.9
    assert service.client.get(f"{url}/report.json").json() == result
    assert service.client.get(f"{url}/report.pdf").content.startswith(b"%PDF")


def newer(result):
    return {**result, "schema_version": 99, "novelty": 1, "media": {**result["media"], "new": 2}}


def without_score(result):
    return {name: value for name, value in result.items() if name != "fake_probability"}


def with_another_verdict(result):
    return {**result, "verdict": "unsure", "reason": "unheard_of"}


@pytest.mark.parametrize(
    ("changed", "readable"),
    [(newer, True), (without_score, False), (with_another_verdict, False)],
)
def test_a_report_of_another_schema_is_never_an_internal_error(done_job, changed, readable):
    service, change = done_job
    result = changed(stored(RELEASED[-1]))
    url = change(result=result, verdict=result["verdict"], options={"retention": "keep", "new": 1})
    detail = service.client.get(url)
    assert (detail.status_code, detail.json()["result"] is not None) == (200, readable)
    assert service.client.get("/jobs").status_code == 200
    assert service.client.get(f"{url}/report.json").json() == result
    pdf = service.client.get(f"{url}/report.pdf")
    assert pdf.status_code == (200 if readable else 409)
    events = service.client.get(f"{url}/events")
    assert (events.status_code, "event: job" in events.text) == (200, True)


def test_a_missing_image_is_left_out_of_the_document(done_job):
    service, change = done_job
    url = change(evidence=["gone"])
    assert service.client.get(f"{url}/report.pdf").content.startswith(b"%PDF")


def test_unknown_fields_are_dropped_and_the_rest_is_kept():
    options = {"retention": "zero", "start_s": 1.0, "new": {"a": 1}}
    assert read_leniently(JobOptions, options) == JobOptions(retention="zero", start_s=1.0)
    result = stored(RELEASED[0])
    result["people"][0]["timeline"][1]["new"] = 1
    assert read_report(result) == read_report(stored(RELEASED[0]))
    for unreadable in (None, [], "text", {}):
        assert read_report(unreadable) is None


def test_results_of_another_release_are_not_reused(monkeypatch):
    job = Job(sha256="1" * 64, options={})
    keys = {cache_key(job, "model")}
    monkeypatch.setattr("bento.worker.job_runner.SCHEMA_VERSION", SCHEMA_VERSION + 1)
    keys.add(cache_key(job, "model"))
    monkeypatch.setattr("bento.worker.job_runner.__version__", "99.0.0")
    keys.add(cache_key(job, "model"))
    assert len(keys) == 3
