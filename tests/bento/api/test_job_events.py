"""Event streams: one watcher per job, and a limit per tenant."""

import threading
import time
from contextlib import ExitStack

import httpx
import pytest

from bento.api import job_events
from tests.bento.tenants import make_tenants, submit_as
from tests.factories import wait_until


@pytest.fixture
def reads(monkeypatch):
    """Jobs that were read for event streams, one id per query."""
    counted = []
    read_state = job_events.read_state

    async def counting(tenant, read, last_key=None):
        counted.append(read.args[2])
        return await read_state(tenant, read, last_key)

    monkeypatch.setattr(job_events, "read_state", counting)
    return counted


def first_event(stream):
    return next(line for line in stream.iter_lines() if line.startswith("data: "))


def test_streams_of_a_job_share_one_watcher_and_end_together(make_service, live_server, reads):
    service = make_service()
    job_id = service.submit()
    url = f"{live_server(service)}/jobs/{job_id}/events"
    last_events = []

    def watch():
        with httpx.stream("GET", url, timeout=20) as stream:
            lines = [line for line in stream.iter_lines() if line.startswith("data: ")]
            last_events.append(lines[-1])

    threads = [threading.Thread(target=watch) for _ in range(20)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(service.app.state.context.events._watchers) == 1)
    start, before = time.monotonic(), len(reads)
    wait_until(lambda: len(reads) >= before + 5)
    assert time.monotonic() - start > 4 * job_events.POLL_INTERVAL_S - 0.1
    assert service.client.delete(f"/jobs/{job_id}").status_code == 200
    for thread in threads:
        thread.join()
    assert len(set(last_events)) <= 2  # signed at most twice
    assert all("cancelled" in event for event in last_events)
    wait_until(lambda: not service.app.state.context.events._watchers)


def test_streams_of_a_tenant_are_limited_and_others_are_not_affected(
    make_service, live_server, tmp_path
):
    limits = {"max_streams_per_tenant": 3}
    service, anna, bob = make_tenants(make_service, tmp_path, "anna", "bob", **limits)
    urls = {
        tenant: f"/jobs/{submit_as(service, headers)}/events"
        for tenant, headers in (("anna", anna), ("bob", bob))
    }
    with httpx.Client(base_url=live_server(service), timeout=20) as client, ExitStack() as stack:
        streams = [
            stack.enter_context(client.stream("GET", urls["anna"], headers=anna)) for _ in range(3)
        ]
        assert [stream.status_code for stream in streams] == [200] * 3
        refused = client.get(urls["anna"], headers=anna)
        assert refused.status_code == 429
        assert int(refused.headers["Retry-After"]) > 0
        assert "3 event streams are open" in refused.json()["error"]
        with client.stream("GET", urls["bob"], headers=bob) as stream:
            assert "queued" in first_event(stream)
        streams[0].close()

        def is_accepted():
            with client.stream("GET", urls["anna"], headers=anna) as stream:
                return stream.status_code == 200

        wait_until(is_accepted)


def test_stream_of_a_revoked_key_ends_without_another_event(make_service, live_server, tmp_path):
    service, anna, bob = make_tenants(make_service, tmp_path, "anna", "bob")
    jobs = {"anna": submit_as(service, anna), "bob": submit_as(service, bob)}
    keys = tmp_path / "keys"
    with httpx.Client(base_url=live_server(service), timeout=20) as client, ExitStack() as stack:
        annas, bobs = (
            stack.enter_context(client.stream("GET", f"/jobs/{job_id}/events", headers=headers))
            for job_id, headers in zip(jobs.values(), (anna, bob), strict=True)
        )
        lines = annas.iter_lines(), bobs.iter_lines()
        assert ["queued" in next(line for line in of if "data" in line) for of in lines] == [1, 1]
        keys.write_text(keys.read_text().splitlines()[1] + "\n")
        for tenant, job_id in jobs.items():
            service.services.jobs.cancel(tenant, job_id, 60)
        assert not any("cancelled" in line for line in lines[0])
        assert any("cancelled" in line for line in lines[1])


def test_stream_of_a_job_that_is_deleted_says_so(make_service, live_server):
    service = make_service()
    job_id = service.submit()
    with httpx.stream("GET", f"{live_server(service)}/jobs/{job_id}/events", timeout=20) as stream:
        lines = stream.iter_lines()
        assert next(lines) == "event: job"
        service.services.jobs.cancel("local", job_id, 60)
        service.services.jobs.delete("local", job_id)
        assert "event: deleted" in list(lines)


def test_stream_ends_when_the_job_cannot_be_read(make_service, live_server, monkeypatch):
    service = make_service()
    job_id = service.submit()
    with httpx.stream("GET", f"{live_server(service)}/jobs/{job_id}/events", timeout=20) as stream:
        first_event_seen = iter(stream.iter_lines())
        next(first_event_seen)

        def fail(*_):
            raise RuntimeError("no database")

        monkeypatch.setattr(type(service.services.jobs), "find", fail)
        list(first_event_seen)
