"""Several machines: Celery over Redis, PostgreSQL, and an S3 store."""

import secrets
import signal

import pytest

from tests.bento.fakes.clock import FakeClock
from tests.factories import wait_until

pytestmark = pytest.mark.services


@pytest.fixture
def fleet(make_service, redis, database, tmp_path):
    """A service with task queue and shared database, and the settings of its workers."""
    settings = {
        "folder": tmp_path / "service",
        "queue": f"redis://127.0.0.1:{redis.port}/0",
        "queue_name": f"test-{secrets.token_hex(4)}",
        "database": database,
    }
    return make_service(**settings, round_s=0.5, resend_s=0.5), settings


def started_tasks(log):
    return log.read_text().splitlines() if log.exists() else []


def test_workers_share_jobs_and_run_each_once_despite_duplicate_messages(
    fleet, worker_process, tmp_path
):
    service, settings = fleet
    log = tmp_path / "log"
    jobs = [service.submit(f"job {number}") for number in range(8)]
    for job in jobs:
        assert service.services.task_queue.enqueue(job)
    assert service.services.task_queue.depth() == 16
    for _ in range(2):
        worker_process(settings, PYTHON_CHILD_LOG=str(log))
    assert {service.wait_for(job)["status"] for job in jobs} == {"done"}
    assert sorted(started_tasks(log)) == sorted(f"job {number}" for number in range(8))


def test_no_job_is_lost_when_worker_and_redis_are_killed(fleet, worker_process, redis, tmp_path):
    service, settings = fleet
    log, finish = tmp_path / "log", tmp_path / "finish"
    text = f"wait_for {finish}"
    jobs = [service.submit(text), service.submit("after")]
    # only this lease is short, so that it alone expires
    first = worker_process({**settings, "lease_s": 5.0}, PYTHON_CHILD_LOG=str(log))
    wait_until(lambda: started_tasks(log))
    first.send_signal(signal.SIGKILL)
    first.wait()
    finish.touch()
    redis.kill()
    jobs.append(service.submit("while the queue is away"))
    assert service.services.task_queue.depth() is None
    redis.start()
    assert service.services.task_queue.depth() == 0
    worker_process(settings, PYTHON_CHILD_LOG=str(log))
    service.maintenance.start()
    try:
        assert {service.wait_for(job)["status"] for job in jobs} == {"done"}
    finally:
        service.maintenance.stop()
    assert sorted(set(started_tasks(log))) == ["after", text, "while the queue is away"]
    assert started_tasks(log).count("after") == 1


def test_terminated_celery_worker_releases_its_job(fleet, worker_process, tmp_path):
    service, settings = fleet
    log = tmp_path / "log"
    job = service.submit("sleep 60")
    worker = worker_process(settings, PYTHON_CHILD_LOG=str(log))
    wait_until(lambda: started_tasks(log))
    worker.terminate()
    worker.wait(timeout=30)
    assert service.job(job)["status"] == "queued"


def test_only_one_of_many_concurrent_workers_acquires_a_job_in_postgresql(make_service, database):
    service = make_service(database=database)
    leases = service.acquire_concurrently(service.submit(), workers=6)
    assert len(leases) == 6
    assert sum(lease is not None for lease in leases) == 1


def test_lost_job_with_a_webhook_url_is_due_in_postgresql(make_service, database):
    clock = FakeClock()
    service = make_service(
        clock=clock, database=database, lease_s=30, attempts=1, webhook_private=True
    )
    with_webhook = service.submit("1", webhook_url="http://localhost:1/")
    without_webhook = service.submit("2")
    jobs = (with_webhook, without_webhook)
    for job in jobs:
        assert service.services.leases.acquire(job)
    clock.advance(31)
    assert service.services.leases.expire_stale(60.0) == 2
    clock.advance(1)
    assert service.services.outbox.claim_due().id == with_webhook
    assert service.services.outbox.claim_due() is None
    assert {service.job(job)["status"] for job in jobs} == {"failed"}
