"""Leases: every job is processed by one worker at a time."""

import threading


def test_two_workers_process_every_job_once(make_service, running_worker, tmp_path, monkeypatch):
    log = tmp_path / "log"
    monkeypatch.setenv("SCRIPTED_CHILD_LOG", str(log))
    service = make_service()
    contents = [f"job {number}" for number in range(20)]
    jobs = [service.submit(content) for content in contents]
    with running_worker(service, own=True), running_worker(service, own=True):
        assert {service.wait_for(job)["status"] for job in jobs} == {"done"}
    assert sorted(log.read_text().splitlines()) == sorted(contents)


def test_one_of_many_concurrent_requests_acquires_the_lease(make_service):
    service = make_service()
    job = service.submit()
    leases, start = [], threading.Barrier(8)

    def acquire():
        start.wait()
        leases.append(service.services.leases.acquire(job))

    threads = [threading.Thread(target=acquire) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(lease is not None for lease in leases) == 1
