"""Retention, expiry and orphaned files."""

import os
import time

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from bento.db.models import Job
from tests.bento.fakes.clock import FakeClock


def stored(service):
    return service.services.settings.folder / "files"


def test_failing_task_does_not_stop_the_others(make_service, running_worker, monkeypatch):
    clock = FakeClock()
    service = make_service(clock=clock)
    with running_worker(service):
        job = service.wait_for(service.submit(retention="zero"))["job_id"]
    clock.advance(3600)
    monkeypatch.setattr(service.services.leases, "expire_stale", lambda _: 1 / 0)
    service.maintenance.run_once()
    assert service.client.get(f"/jobs/{job}").status_code == 404


def test_job_is_deleted_when_its_retention_time_is_over(make_service, running_worker):
    clock = FakeClock()
    service = make_service(clock=clock, zero_minutes=15.0, keep_days=1.0)
    with running_worker(service):
        zero = service.wait_for(service.submit("one", retention="zero"))["job_id"]
        kept = service.wait_for(service.submit("two"))["job_id"]
    service.maintenance.run_once()
    assert service.job(zero)["status"] == "done"
    clock.advance(15 * 60 + 1)
    service.maintenance.run_once()
    assert service.client.get(f"/jobs/{zero}").status_code == 404
    assert service.job(kept)["status"] == "done"
    assert [path.name for path in stored(service).iterdir()] == [kept]


def test_temporary_files_of_killed_processes_are_deleted_after_a_day(make_service):
    service = make_service()
    work = service.services.store.work
    for name, age_s in (("old", 90_000), ("new", 0)):
        (work / name).write_bytes(b"x")
        os.utime(work / name, (time.time() - age_s,) * 2)
    (work / "folder").mkdir()
    (work / "folder" / "file").write_bytes(b"x")
    os.utime(work / "folder", (0, 0))
    service.maintenance.run_once()
    assert [path.name for path in work.iterdir()] == ["new"]


def test_stored_upload_without_a_job_is_deleted_after_a_day(make_service):
    service = make_service()
    kept, orphan, recent = service.submit("kept"), "1" * 32, "2" * 32
    for name in (orphan, recent):
        source = service.services.store.work / name
        source.write_bytes(b"x")
        service.services.store.put(f"{name}/upload", source)
    for name in (kept, orphan):
        os.utime(stored(service) / name / "upload", (0, 0))
    service.maintenance.run_once()
    assert sorted(path.name for path in stored(service).iterdir()) == sorted((kept, recent))


@pytest.mark.parametrize(("retention", "keep_s"), [("zero", 900), ("delete_upload", 86_400)])
def test_upload_is_deleted_when_the_worker_was_lost(make_service, retention, keep_s):
    clock = FakeClock()
    service = make_service(clock=clock, keep_days=1.0, lease_s=30, attempts=1)
    job_id = service.submit("one", retention=retention)
    assert service.services.leases.acquire(job_id)
    clock.advance(31)
    service.maintenance.run_once()
    job = service.job(job_id)
    assert (job["status"], job["video_url"]) == ("failed", None)
    assert not list(stored(service).rglob("upload"))
    with Session(service.services.engine) as session:
        expires_at = session.scalars(select(Job.expires_at)).one()
    assert expires_at == pytest.approx(clock.time_s + keep_s, abs=0.01)
