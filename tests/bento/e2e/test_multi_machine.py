"""Several machines: Celery over a Redis that may be killed, PostgreSQL, and an S3 store."""

import secrets
import signal
import threading
import time

import pytest

pytestmark = pytest.mark.services


@pytest.fixture
def fleet(office, redis, database, tmp_path):
    """A service with a queue and a database for several machines, and settings for workers."""
    settings = {
        "folder": tmp_path / "service",
        "queue": f"redis://127.0.0.1:{redis.port}/0",
        "queue_name": f"test-{secrets.token_hex(4)}",
        "database": database,
        "lease_s": 2.0,
    }
    return office(**settings), settings


def begun(path):
    return path.read_text().split("\n")[:-1] if path.exists() else []


def wait(condition, seconds=150):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_jobs_are_shared_out_and_each_is_done_once_though_messages_come_twice(
    fleet, worker_process, tmp_path
):
    desk, settings = fleet
    seen = tmp_path / "begun"
    jobs = [desk.submit(f"job {number}") for number in range(8)]
    for job in jobs:
        assert desk.parts.broker.send(job)
    assert desk.parts.broker.depth() == 16
    for _ in range(2):
        worker_process(settings, BEGUN=str(seen))
    assert {desk.until(job)["status"] for job in jobs} == {"done"}
    assert sorted(begun(seen)) == sorted(f"job {number}" for number in range(8))


def test_a_killed_worker_a_killed_redis_and_lost_messages_lose_no_job(
    fleet, worker_process, redis, tmp_path
):
    desk, settings = fleet
    seen = tmp_path / "begun"
    jobs = [desk.submit("sleep 2"), desk.submit("after")]
    first = worker_process(settings, BEGUN=str(seen))
    wait(lambda: begun(seen))
    first.send_signal(signal.SIGKILL)
    first.wait()
    redis.kill()
    jobs.append(desk.submit("while the queue is away"))
    assert desk.parts.broker.depth() is None
    redis.start()
    assert desk.parts.broker.depth() == 0
    worker_process(settings, BEGUN=str(seen))
    desk.keeper._resend_s = 0.5
    desk.keeper._round_s = 0.5
    desk.keeper.start()
    try:
        assert {desk.until(job)["status"] for job in jobs} == {"done"}
    finally:
        desk.keeper.stop()
    assert sorted(set(begun(seen))) == ["after", "sleep 2", "while the queue is away"]
    assert begun(seen).count("after") == 1


def test_a_celery_worker_that_is_told_to_stop_gives_its_job_back(fleet, worker_process, tmp_path):
    desk, settings = fleet
    seen = tmp_path / "begun"
    job = desk.submit("sleep 60")
    worker = worker_process(settings, BEGUN=str(seen))
    wait(lambda: begun(seen))
    worker.terminate()
    worker.wait(timeout=30)
    assert desk.job(job)["status"] == "queued"


def test_of_many_who_claim_a_job_in_postgresql_one_gets_it(office, database):
    desk = office(database=database)
    job, won, ready = desk.submit(), [], threading.Barrier(6)

    def claim():
        ready.wait()
        won.append(desk.parts.claims.claim(job))

    threads = [threading.Thread(target=claim) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(claim is not None for claim in won) == 1


def test_a_webhook_wish_in_json_is_found_when_a_worker_is_lost(office, database):
    desk = office(database=database, lease_s=0.01, attempts=1, webhook_private=True)
    told = desk.submit("1", webhook_url="http://localhost:1/")
    silent = desk.submit("2")
    for job in (told, silent):
        desk.parts.claims.claim(job)
    time.sleep(0.05)
    desk.parts.claims.reap(60.0)
    assert desk.parts.outbox.next().id == told
    assert {desk.job(job)["status"] for job in (told, silent)} == {"failed"}
