"""Deletion on a full disk."""

import sqlite3

import pytest
from sqlalchemy.exc import OperationalError

from tests.bento.tenants import finish_as, make_tenants


@pytest.fixture
def full_disk(monkeypatch):
    """Let each change of the job table fail until the job's upload has been deleted."""

    def fill(service, job_id):
        upload = service.services.settings.folder / "files" / job_id / "upload"
        jobs = service.services.jobs

        def failing_while_full(change):
            def run(*arguments):
                if upload.exists():
                    full = sqlite3.OperationalError("database or disk is full")
                    full.sqlite_errorname = "SQLITE_FULL"
                    raise OperationalError("UPDATE", {}, full)
                return change(*arguments)

            return run

        for name in ("cancel", "delete"):
            monkeypatch.setattr(jobs, name, failing_while_full(getattr(jobs, name)))

    return fill


def test_delete_makes_room_on_a_full_disk(make_service, running_worker, full_disk):
    service = make_service()
    with running_worker(service):
        done = service.wait_for(service.submit("done"))["job_id"]
    queued = service.submit("queued")
    for job_id, status in ((queued, "cancelled"), (done, "deleted")):
        full_disk(service, job_id)
        response = service.client.delete(f"/jobs/{job_id}")
        assert (response.status_code, response.json().get("status")) == (200, status)


def test_another_tenants_files_stay_on_a_full_disk(
    make_service, running_worker, full_disk, tmp_path
):
    service, anna, bert = make_tenants(make_service, tmp_path, "anna", "bert")
    job_id = finish_as(service, running_worker, anna)["job_id"]
    full_disk(service, job_id)
    response = service.client.delete(f"/jobs/{job_id}", headers=bert)
    assert response.status_code in (404, 507)
    assert service.client.get(f"/jobs/{job_id}/video", headers=anna).content == b"ok"
