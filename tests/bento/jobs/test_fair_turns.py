"""Tenants take turns."""

import threading
from types import SimpleNamespace

import pytest

from bento.worker.job_runner import Worker
from tests.bento.tenants import make_tenants, submit_as


def acquire_all(service):
    leases = service.services.leases
    return [lease.job.tenant for lease in iter(leases.acquire_next, None)]


def test_a_tenants_job_waits_for_one_job_of_another_tenant_not_for_all(make_service, tmp_path):
    service, anna, bert = make_tenants(make_service, tmp_path, "anna", "bert")
    for _ in range(4):
        submit_as(service, anna)
    for _ in range(2):
        submit_as(service, bert)
    assert acquire_all(service) == ["anna", "bert", "anna", "bert", "anna", "anna"]


def test_a_tenants_own_jobs_keep_their_order(make_service):
    service = make_service()
    jobs = [service.submit(str(number)) for number in range(3)]
    leases = service.services.leases
    assert [lease.job.id for lease in iter(leases.acquire_next, None)] == jobs


def test_turns_survive_a_restart_and_a_clock_set_back(make_service, tmp_path):
    service, anna, bert = make_tenants(make_service, tmp_path, "anna", "bert")
    first = submit_as(service, anna)
    assert service.services.leases.acquire_next().job.id == first
    again = make_service(api_keys_file=tmp_path / "keys")
    submit_as(again, anna)
    submit_as(again, bert)
    assert acquire_all(again) == ["bert", "anna"]


def test_a_message_of_the_queue_starts_the_next_job_by_turn(make_service, tmp_path, monkeypatch):
    """The broker delivers in order of arrival; the message names a job of anna's each time."""
    service, anna, bert = make_tenants(make_service, tmp_path, "anna", "bert")
    jobs = [submit_as(service, anna) for _ in range(3)]
    submit_as(service, bert)
    services, started = service.services, []
    analyzer = SimpleNamespace()
    worker = Worker(services.settings, services.leases, services.store, analyzer)
    monkeypatch.setattr(worker, "run_job", lambda lease: started.append(lease.job.tenant))
    for job_id in (*jobs, "message of bert's job", "one message too many"):
        worker.run_queued(job_id)
    assert started == ["anna", "bert", "anna", "anna"]


@pytest.mark.services
def test_turns_in_postgresql_with_concurrent_workers(make_service, tmp_path, database):
    service, anna, bert = make_tenants(make_service, tmp_path, "anna", "bert", database=database)
    for headers in (anna, anna, anna, anna, bert, bert):
        submit_as(service, headers)
    assert service.services.leases.acquire_next().job.tenant == "anna"
    assert service.services.leases.acquire_next().job.tenant == "bert"
    taken = []
    threads = [
        threading.Thread(target=lambda: taken.extend(acquire_all(service))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == ["anna", "anna", "anna", "bert"]
