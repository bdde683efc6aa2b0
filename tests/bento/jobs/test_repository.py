"""The job repository: isolation of tenants, capacity, pages and the queue."""

import pytest

from bento.db.models import Status
from bento.errors import IdempotencyError, QueueFullError
from bento.jobs.listing import JobQuery
from bento.jobs.repository import NewJob
from bento.jobs.submission import JobOptions, Submission


def make_job(job_id, tenant="ann", key=None, batch=None, **fields):
    submission = Submission(tenant, JobOptions(), key, batch)
    values = {"file": "a.mp4", "sha256": "0" * 64, "size_bytes": 2, "upload": f"{job_id}/upload"}
    return NewJob(job_id, submission, **{**values, **fields})


def test_job_is_found_by_its_tenant_only(make_service):
    jobs = make_service().services.jobs
    assert jobs.create(make_job("a1")) == ("a1", True)
    assert (jobs.find("ann", "a1").status, jobs.find("ann", "a1").file) == ("queued", "a.mp4")
    assert jobs.find("bob", "a1") is None
    assert jobs.cancel("bob", "a1", 60.0) is False
    assert jobs.delete("bob", "a1") is False
    assert jobs.list_page("bob", JobQuery()).total == 0


def test_idempotency_key_returns_the_earlier_job_of_the_same_tenant(make_service):
    jobs = make_service().services.jobs
    jobs.create(make_job("a1", key="k"))
    assert jobs.create(make_job("a2", key="k")) == ("a1", False)
    assert jobs.create(make_job("b1", tenant="bob", key="k")) == ("b1", True)
    with pytest.raises(IdempotencyError, match="'k' was used for another file"):
        jobs.create(make_job("a3", key="k", sha256="1" * 64))
    assert jobs.list_page("ann", JobQuery()).total == 1


def test_full_queue_refuses_new_jobs_and_stores_nothing(make_service):
    jobs = make_service(max_queued=3, max_queued_per_tenant=2).services.jobs
    assert jobs.available_capacity("ann") == 2
    jobs.create(make_job("a1", key="k"))
    jobs.create(make_job("a2"))
    with pytest.raises(QueueFullError):  # the tenant's share is used up
        jobs.create(make_job("a3"))
    assert jobs.find("ann", "a3") is None
    assert jobs.available_capacity("ann", "k") == 0  # a repeated submission needs no capacity
    assert jobs.available_capacity("bob") == 1  # what is left of the queue
    jobs.create(make_job("b1", tenant="bob"))
    with pytest.raises(QueueFullError):
        jobs.available_capacity("bob", "k")


def test_page_is_filtered_and_its_total_counts_all_pages(make_service):
    jobs = make_service().services.jobs
    for number in range(4):
        jobs.create(make_job(f"a{number}", batch="even" if number % 2 == 0 else "odd"))
    jobs.cancel("ann", "a0", 60.0)
    assert {job.id for job in jobs.list_page("ann", JobQuery(batch="even")).jobs} == {"a0", "a2"}
    assert [job.id for job in jobs.list_page("ann", JobQuery(status="cancelled")).jobs] == ["a0"]
    pages = [jobs.list_page("ann", JobQuery(), (offset, 3)) for offset in (0, 3)]
    assert [(len(page.jobs), page.total) for page in pages] == [(3, 4), (1, 4)]
    assert {job.id for page in pages for job in page.jobs} == {"a0", "a1", "a2", "a3"}


def test_only_a_job_that_has_ended_is_deleted(make_service):
    jobs = make_service().services.jobs
    jobs.create(make_job("a1"))
    assert jobs.queue_position(jobs.find("ann", "a1")) == 1
    assert jobs.delete("ann", "a1") is False
    assert jobs.cancel("ann", "a1", 60.0) is True
    assert jobs.cancel("ann", "a1", 60.0) is False
    job = jobs.find("ann", "a1")
    assert (job.status, jobs.queue_position(job)) == (Status.CANCELLED, None)
    assert job.expires_at - job.finished_at == pytest.approx(60.0, abs=1.0)
    assert jobs.delete("ann", "a1") is True
    assert jobs.find("ann", "a1") is None


def test_cleared_upload_and_time_of_enqueueing_are_stored(make_service):
    jobs = make_service().services.jobs
    jobs.create(make_job("a1"))
    assert (jobs.find("ann", "a1").upload, jobs.find("ann", "a1").sent_at) == ("a1/upload", None)
    jobs.clear_upload("a1")
    jobs.mark_enqueued("a1")
    job = jobs.find("ann", "a1")
    assert job.upload is None
    assert job.sent_at >= job.created_at
