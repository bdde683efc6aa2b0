"""Leases: one winner, expiry without a heartbeat, and no effect of a lost lease."""

from bento.jobs.leases import LOST
from tests.bento.fakes.clock import FakeClock


def test_only_one_of_many_concurrent_workers_acquires_a_job(make_service):
    service = make_service()
    leases = service.acquire_concurrently(service.submit(), workers=8)
    assert len(leases) == 8
    assert sum(lease is not None for lease in leases) == 1


def test_job_fails_when_its_lease_has_expired_in_every_attempt(make_service):
    clock = FakeClock()
    service = make_service(clock=clock, lease_s=30, attempts=3)
    job = service.submit()
    for _ in range(3):
        assert service.services.leases.acquire(job)
        clock.advance(31)
        assert service.services.leases.expire_stale(keep_s=60) == 1
    view = service.job(job)
    assert (view["status"], view["error"]) == ("failed", LOST.format(attempts=3))


def test_expired_lease_can_no_longer_change_the_job(make_service):
    clock = FakeClock()
    service = make_service(clock=clock, lease_s=30)
    leases, job = service.services.leases, service.submit()
    lost = leases.acquire(job)
    clock.advance(31)
    assert leases.expire_stale(keep_s=60) == 1
    current = leases.acquire(job)
    assert not leases.heartbeat(lost, "faces", 50.0)
    assert not leases.renew(lost)
    assert not leases.release(lost)
    assert not leases.retry(lost, "crash")
    assert leases.heartbeat(current, "faces", 10.0)
    assert service.job(job)["percent"] == 10.0


def test_heartbeats_keep_a_lease_alive(make_service):
    clock = FakeClock()
    service = make_service(clock=clock, lease_s=30)
    leases = service.services.leases
    lease = leases.acquire(service.submit())
    for _ in range(4):
        clock.advance(20)
        assert leases.heartbeat(lease, "faces", 1.0)
        assert leases.expire_stale(keep_s=60) == 0
    assert service.job(lease.job.id)["status"] == "running"
    clock.advance(31)
    assert leases.expire_stale(keep_s=60) == 1


def test_release_does_not_count_the_attempt_but_retry_does(make_service):
    service = make_service(attempts=2)
    leases, job = service.services.leases, service.submit()
    assert leases.release(leases.acquire(job))
    assert service.job(job)["attempts"] == 0
    assert leases.retry(leases.acquire(job), "crash")
    last = leases.acquire(job)
    assert last.job.attempts == 2
    assert not leases.retry(last, "another crash")


def test_find_unqueued_separates_new_jobs_from_old_messages(make_service):
    clock = FakeClock()
    service = make_service(clock=clock)
    new, sent = service.submit("new"), service.submit("sent")
    service.services.jobs.mark_enqueued(sent)
    assert service.services.leases.find_unqueued(60.0) == ([new], [], 2)
    clock.advance(120)
    assert service.services.leases.find_unqueued(60.0) == ([new], [sent], 2)


def test_the_same_crash_on_the_same_bytes_ends_the_job(make_service):
    service = make_service(attempts=5)
    leases, job = service.services.leases, service.submit("bytes")
    assert leases.retry(leases.acquire(job), "SIGSEGV")
    assert leases.retry(leases.acquire(job), "out of memory")
    assert not leases.retry(leases.acquire(job), "out of memory")
    again, other = service.submit("bytes"), service.submit("other bytes")
    assert not leases.retry(leases.acquire(again), "out of memory")
    assert leases.retry(leases.acquire(other), "out of memory")


def test_a_lease_from_before_the_clock_was_set_back_expires(make_service):
    clock = FakeClock()
    service = make_service(clock=clock, lease_s=30)
    leases, job = service.services.leases, service.submit()
    lost = leases.acquire(job)
    clock.advance(-86_400)
    assert leases.expire_stale(keep_s=60) == 1
    assert service.job(job)["status"] == "queued"
    assert not leases.renew(lost)
    alive = leases.acquire(job)
    clock.advance(-86_400)
    assert leases.renew(alive)
    assert leases.expire_stale(keep_s=60) == 0
