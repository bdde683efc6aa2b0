"""What is kept, for how long, and what goes by itself."""

import os
import time

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bento.db.models import Job


def test_what_was_not_to_be_kept_is_not_used_again(make_service, running_worker):
    service = make_service()
    with running_worker(service):
        first = service.wait_for(service.submit("film", retention="zero"))
        again = service.wait_for(service.submit("film"))
    assert first["evidence"] == []
    assert not again["cached"]


def test_one_part_of_a_round_that_fails_stops_no_other(make_service, running_worker, monkeypatch):
    service = make_service(zero_minutes=1e-4)
    with running_worker(service):
        job = service.wait_for(service.submit(retention="zero"))["job_id"]
    monkeypatch.setattr(service.services.leases, "expire_stale", lambda _: 1 / 0)
    service.maintenance.run_once()
    assert service.client.get(f"/jobs/{job}").status_code == 404


def test_results_go_when_their_time_is_over(make_service, running_worker):
    service = make_service(zero_minutes=1e-4, keep_days=1.0)
    with running_worker(service):
        short = service.wait_for(service.submit("one", retention="zero"))["job_id"]
        kept = service.wait_for(service.submit("two"))["job_id"]
    service.maintenance.run_once()
    assert service.client.get(f"/jobs/{short}").status_code == 404
    assert service.job(kept)["status"] == "done"
    assert [path.name for path in (service.services.settings.folder / "files").iterdir()] == [kept]


def test_what_a_killed_process_left_on_its_way_goes_after_a_day(make_service):
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


def test_an_upload_that_never_became_a_job_goes_after_a_day(make_service):
    service = make_service()
    kept, lost, young = service.submit("kept"), "1" * 32, "2" * 32
    for name in (lost, young):
        arrival = service.services.store.work / name
        arrival.write_bytes(b"x")
        service.services.store.put(f"{name}/upload", arrival)
    files = service.services.settings.folder / "files"
    for name in (kept, lost):
        os.utime(files / name / "upload", (0, 0))
    service.maintenance.run_once()
    assert sorted(path.name for path in files.iterdir()) == sorted((kept, young))


@pytest.mark.parametrize(("retention", "kept_s"), [("zero", 900), ("delete_upload", 86_400)])
def test_an_upload_goes_also_when_the_worker_was_lost(make_service, retention, kept_s):
    service = make_service(keep_days=1.0)
    job_id = service.submit("one", retention=retention)
    with Session(service.services.engine) as session:
        lost = {"status": "running", "attempts": 99, "lease_until": 1.0, "worker": "x"}
        session.execute(update(Job).values(**lost))
        session.commit()
    begin = time.time()
    service.maintenance.run_once()
    assert service.job(job_id)["status"] == "failed"
    assert service.job(job_id)["video_url"] is None
    assert not list((service.services.settings.folder / "files").rglob("upload"))
    with Session(service.services.engine) as session:
        assert session.scalars(select(Job.expires_at)).one() == pytest.approx(begin + kept_s, abs=5)
