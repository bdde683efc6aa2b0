"""What is kept, for how long, and what goes by itself."""

import os
import time

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bento.db.models import Job


def test_what_was_not_to_be_kept_is_not_used_again(office, working):
    desk = office()
    with working(desk):
        first = desk.until(desk.submit("film", retention="zero"))
        again = desk.until(desk.submit("film"))
    assert first["evidence"] == []
    assert not again["cached"]


def test_one_part_of_a_round_that_fails_stops_no_other(office, working, monkeypatch):
    desk = office(zero_minutes=1e-4)
    with working(desk):
        job = desk.until(desk.submit(retention="zero"))["job_id"]
    monkeypatch.setattr(desk.parts.claims, "reap", lambda _: 1 / 0)
    desk.keeper.round()
    assert desk.client.get(f"/jobs/{job}").status_code == 404


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
