"""What was deleted is in no file of the database."""

import random

from sqlalchemy import text
from sqlalchemy.orm import Session

from bento.db.audit_log import iter_rows
from bento.db.engine import create_migrated_engine
from bento.db.erasure import Eraser
from bento.settings import ServiceSettings
from tests.bento.fakes.clock import FakeClock

NAME = "a-very-private-name.mp4"


def occurrences(folder, text):
    return {
        path.name: count
        for path in folder.iterdir()
        if path.is_file() and (count := path.read_bytes().count(text.encode()))
    }


def test_deleted_job_leaves_nothing_in_the_files(make_service, running_worker):
    service = make_service()
    folder = service.services.settings.folder
    with running_worker(service):
        job = service.wait_for(service.submit("video", name=NAME))
    assert occurrences(folder, NAME)
    assert service.client.delete(f"/jobs/{job['job_id']}").json()["status"] == "deleted"
    service.maintenance.run_once()
    for trace in (NAME, job["sha256"]):
        assert occurrences(folder, trace) == {}
    # the random id stays in the audit log alone
    rows = [row for row in iter_rows(service.services.engine) if row["job_id"] == job["job_id"]]
    assert occurrences(folder, job["job_id"]) == {"jobs.db": len(rows)}


def test_expired_job_leaves_nothing_in_the_files(make_service, running_worker):
    clock = FakeClock()
    service = make_service(clock=clock)
    with running_worker(service):
        job = service.wait_for(service.submit("video", name=NAME, retention="zero"))
    clock.advance(3600)
    service.maintenance.run_once()
    for trace in (NAME, job["job_id"], job["sha256"]):
        assert occurrences(service.services.settings.folder, trace) == {}


def test_cancelled_job_of_zero_retention_expires_at_once(make_service):
    service = make_service()
    zero = service.submit("one", name=NAME, retention="zero")
    kept = service.submit("two")
    for job_id in (zero, kept):
        assert service.client.delete(f"/jobs/{job_id}").json()["status"] == "cancelled"
    service.maintenance.run_once()
    assert service.client.get(f"/jobs/{zero}").status_code == 404
    assert service.job(kept)["status"] == "cancelled"
    assert occurrences(service.services.settings.folder, NAME) == {}


def test_rows_that_were_moved_between_pages_leave_no_copies(tmp_path):
    engine = create_migrated_engine(ServiceSettings(folder=tmp_path))
    random.seed(0)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE letters (id TEXT PRIMARY KEY, content TEXT)"))
    rows = [{"id": f"private-{random.random()}"} for _ in range(1500)]
    with Session(engine) as session:
        session.execute(text("INSERT INTO letters (id) VALUES (:id)"), rows)
        grown = [{**row, "text": "x" * random.choice((100, 3000, 20000))} for row in rows]
        session.execute(text("UPDATE letters SET content = :text WHERE id = :id"), grown)
        random.shuffle(rows)
        session.execute(text("DELETE FROM letters WHERE id = :id"), rows[:1400])
        session.commit()
    eraser = Eraser(engine)
    eraser.after_deletion()
    eraser.run_pending()
    assert not eraser.pending
    left = {row["id"] for row in rows[1400:]}
    content = (tmp_path / "jobs.db").read_bytes()
    assert all(row["id"].encode() not in content for row in rows[:1400])
    assert all(name.encode() in content for name in left)
    assert (tmp_path / "jobs.db-wal").stat().st_size == 0
    engine.dispose()


def test_a_reader_only_delays_the_erasure(make_service, running_worker):
    service = make_service()
    folder, engine = service.services.settings.folder, service.services.engine
    with running_worker(service):
        job_id = service.wait_for(service.submit("video", name=NAME))["job_id"]
    with Session(engine) as reader:
        reader.execute(text("BEGIN"))  # the driver begins no transaction for a SELECT
        reader.execute(text("SELECT count(*) FROM detection_results")).one()
        assert service.client.delete(f"/jobs/{job_id}").status_code == 200
        service.services.eraser.run_pending()
        assert service.services.eraser.pending
        assert occurrences(folder, NAME)
    service.services.eraser._next_vacuum_s = 0.0
    service.services.eraser.run_pending()
    assert occurrences(folder, NAME) == {}
