"""Work that takes long leaves threads for quick requests, and for other tenants."""

import threading
import time

import anyio
import httpx
import pytest

from bento.api.routes import artifacts, submissions
from bento.api.thread_limit import ThreadLimit
from tests.bento.tenants import finish_as, make_tenants
from tests.factories import wait_until


def test_requests_are_answered_while_batches_are_unpacked(make_service, live_server, monkeypatch):
    """More batches are under way than there are threads for requests."""
    service = make_service()
    go_on, running = threading.Event(), []

    def unpack(*_):
        running.append(1)
        go_on.wait(60)
        return []

    monkeypatch.setattr(submissions, "_submit_files", unpack)
    url = live_server(service)
    files = {"files": ("a.mp4", b"ok")}
    threads = [
        threading.Thread(
            target=httpx.post, args=(f"{url}/batch",), kwargs={"files": files, "timeout": 60}
        )
        for _ in range(50)
    ]
    for thread in threads:
        thread.start()
    wait_until(lambda: running)
    start = time.monotonic()
    assert httpx.get(f"{url}/limits").status_code == 200
    assert time.monotonic() - start < 2
    assert len(running) <= 8
    go_on.set()
    for thread in threads:
        thread.join()
    assert len(running) == 50


@pytest.mark.parametrize(("threads", "per_tenant"), [(2, 1), (3, 2), (8, 6)])
def test_calls_of_a_tenant_leave_threads_for_another_one(threads, per_tenant):
    limit, go_on, running = ThreadLimit(threads, per_tenant), threading.Event(), []

    def work(tenant):
        running.append(tenant)
        go_on.wait(20)

    async def call_all():
        async with anyio.create_task_group() as group:
            for tenant in ["anna"] * 20 + ["bob"]:
                group.start_soon(limit.run, tenant, work, tenant)
            with anyio.fail_after(10):
                while "bob" not in running:
                    await anyio.sleep(0.01)
            assert running.count("anna") <= per_tenant
            assert limit.waiting("anna") == 20 - per_tenant
            assert limit.waiting("bob") == 0
            go_on.set()
        assert sorted(running) == ["anna"] * 20 + ["bob"]
        assert limit.waiting("anna") == 0
        assert not limit._of_loop().of_tenant  # nothing is kept of tenants without calls

    anyio.run(call_all)


def test_call_that_fails_or_is_cancelled_gives_its_turn_back():
    limit = ThreadLimit(1, per_tenant=1)

    def fail():
        raise ValueError("broken")

    async def call():
        with pytest.raises(ValueError, match="broken"):
            await limit.run("anna", fail)
        hold = threading.Event()
        async with anyio.create_task_group() as group:
            group.start_soon(limit.run, "anna", hold.wait, 20)
            await anyio.wait_all_tasks_blocked()  # it has the thread
            with anyio.move_on_after(0.05):
                await limit.run("anna", fail)
            assert limit.waiting("anna") == 0
            hold.set()
        assert await limit.run("anna", lambda: 7) == 7

    anyio.run(call)


def test_requests_are_answered_while_reports_are_printed(
    make_service, live_server, tmp_path, running_worker, monkeypatch
):
    service, anna, bob = make_tenants(make_service, tmp_path, "anna", "bob")
    path = f"/jobs/{finish_as(service, running_worker, anna)['job_id']}/report.pdf"
    go_on, running = threading.Event(), []

    def render(_context, caller, _job_id):
        running.append(caller.tenant)
        go_on.wait(60)
        return b"%PDF"

    monkeypatch.setattr(artifacts, "_render_pdf", render)
    url, statuses = live_server(service), []

    def get(headers):
        statuses.append(httpx.get(f"{url}{path}", headers=headers, timeout=60).status_code)

    threads = [threading.Thread(target=get, args=(anna,)) for _ in range(50)]
    threads.append(threading.Thread(target=get, args=(bob,)))
    for thread in threads:
        thread.start()
    wait_until(lambda: "bob" in running and statuses == [429] * 29)
    start = time.monotonic()
    assert httpx.get(f"{url}/limits", headers=bob).status_code == 200
    assert time.monotonic() - start < 2
    assert running.count("anna") == 1
    go_on.set()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] * 22 + [429] * 29
