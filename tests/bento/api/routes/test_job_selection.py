"""Export and deletion of several jobs."""

import csv
import io
import json
import zipfile

import pytest

from bento.db.audit_log import iter_rows
from tests.bento.tenants import finish_as, make_tenants

UNKNOWN_ID = "0" * 32


@pytest.fixture
def service(make_service, running_worker):
    """A service with a fake, a genuine and an unreadable video, in this order of submission."""
    service = make_service()
    with running_worker(service):
        for content, name in (("ok", "=1+1.mp4"), ("real", "b.mp4"), ("refuse no video", "c.mp4")):
            service.wait_for(service.submit(content, name=name, case_number="2026/1"))
    return service


def export(service, **query):
    response = service.client.get("/jobs/export", params=query)
    assert response.status_code == 200, response.text
    name = f'attachment; filename="unmask-jobs.{query.get("format", "csv")}"'
    assert response.headers["content-disposition"] == name
    return response


def test_csv_has_a_row_for_each_job_and_runs_nothing_in_a_spreadsheet(service):
    rows = list(csv.DictReader(io.StringIO(export(service, sort="oldest").text)))
    assert [row["file"] for row in rows] == ["'=1+1.mp4", "b.mp4", "c.mp4"]
    assert [row["verdict"] for row in rows] == ["fake", "real", ""]
    assert [row["fake_probability"] for row in rows] == ["0.9", "0.1", ""]
    assert {row["case_number"] for row in rows} == {"2026/1"}
    assert rows[2]["error"] == "c.mp4: no video"


def test_json_has_the_same_rows_for_the_selected_jobs(service):
    ids = [job["job_id"] for job in service.client.get("/jobs").json()["jobs"]]
    rows = export(service, format="json", ids=[ids[0], ids[2], UNKNOWN_ID]).json()["jobs"]
    assert [row["job_id"] for row in rows] == [ids[0], ids[2]]
    report = service.job(ids[2])["result"]
    assert (rows[1]["fake_probability"], rows[1]["sha256"]) == (0.9, report["media"]["sha256"])
    assert rows[1]["detector"] == report["model"]["sha256"]


def test_zip_has_the_table_and_each_report(service):
    content = export(service, format="zip", status="done").content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        reports = {name for name in archive.namelist() if name.startswith("reports/")}
        jobs = service.client.get("/jobs?status=done").json()["jobs"]
        assert reports == {f"reports/{job['job_id']}.json" for job in jobs}
        first = json.loads(archive.read(f"reports/{jobs[0]['job_id']}.json"))
        table = archive.read("jobs.csv").decode()
    stored = service.client.get(f"/jobs/{jobs[0]['job_id']}/report.json").json()
    assert first == stored
    assert len(table.splitlines()) == 3
    assert list((service.services.settings.folder / "work").glob("tmp*")) == []


def test_export_is_recorded_for_each_job_with_a_result(service):
    ids = {job["job_id"] for job in service.client.get("/jobs?status=done").json()["jobs"]}
    export(service)
    export(service, format="zip")
    rows = list(iter_rows(service.services.engine))
    for action in ("export", "download_json"):
        assert {row["job_id"] for row in rows if row["action"] == action} == ids


def test_too_many_jobs_are_not_exported(make_service, monkeypatch):
    monkeypatch.setattr("bento.api.routes.job_selection.MAX_EXPORTED", 1)
    service = make_service()
    service.submit("a")
    service.submit("b")
    response = service.client.get("/jobs/export")
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
    assert "2 jobs match" in response.json()["detail"]


def test_selected_jobs_are_deleted_and_others_kept(service):
    *ids, kept = [job["job_id"] for job in service.client.get("/jobs").json()["jobs"]]
    response = service.client.delete("/jobs", params={"ids": [*ids, ids[0], UNKNOWN_ID]}).json()
    assert response["jobs"] == [{"job_id": job_id, "status": "deleted"} for job_id in ids]
    assert response["missing"] == [UNKNOWN_ID]
    assert [job["job_id"] for job in service.client.get("/jobs").json()["jobs"]] == [kept]


def test_deletion_without_a_selection_is_refused(make_service):
    service = make_service()
    service.submit()
    assert service.client.delete("/jobs").status_code == 422
    assert service.client.get("/jobs").json()["total"] == 1


def test_jobs_of_other_tenants_are_neither_exported_nor_deleted(
    make_service, running_worker, tmp_path
):
    service, ann, bob = make_tenants(make_service, tmp_path, "ann", "bob")
    job_id = finish_as(service, running_worker, ann)["job_id"]
    query = {"ids": job_id, "format": "json"}
    exported = service.client.get("/jobs/export", params=query, headers=bob)
    assert exported.json() == {"jobs": []}
    deleted = service.client.delete("/jobs", params={"ids": job_id}, headers=bob)
    assert deleted.json() == {"jobs": [], "missing": [job_id]}
    assert service.client.get("/jobs", headers=ann).json()["total"] == 1


def test_submissions_with_one_batch_id_are_one_batch(make_service):
    service, batch = make_service(), "5b" * 16
    jobs = [service.submit(str(number), batch_id=batch) for number in range(2)]
    service.submit("alone")
    page = service.client.get("/jobs", params={"batch": batch}).json()
    assert {job["job_id"] for job in page["jobs"]} == set(jobs)
    files = {"file": ("a.mp4", b"x")}
    refused = service.client.post("/analyze-video", files=files, data={"batch_id": "mine"})
    assert refused.status_code == 422
