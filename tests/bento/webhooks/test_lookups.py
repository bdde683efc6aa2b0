"""Look-ups with a name server that does not answer."""

import socket
import threading
import time
from concurrent.futures import wait

import pytest

from bento.errors import WebhookUrlError
from bento.webhooks import url_guard
from bento.webhooks.lookups import LookupPool
from tests.factories import wait_until

SLOW, FAST = "slow.example", "fast.example"
PUBLIC = "93.184.216.34"


@pytest.fixture
def name_server(monkeypatch):
    """A name server that answers for ``SLOW`` once the event is set; yields event and queries."""
    answer, queries = threading.Event(), []

    def getaddrinfo(host, port, **_):
        queries.append(host)
        if host == SLOW:
            answer.wait(60)
        return [(0, 0, 0, "", (PUBLIC, port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    pool = LookupPool()
    monkeypatch.setattr(LookupPool, "shared", lambda: pool)
    yield answer, queries
    answer.set()


@pytest.fixture
def short_timeout(monkeypatch):
    monkeypatch.setattr(url_guard, "TIMEOUT_S", 0.3)


def test_slow_names_of_a_tenant_do_not_delay_those_of_another(name_server):
    _, queries = name_server
    pool = LookupPool(threads=3, per_tenant=2)
    slow = [pool.submit("anna", SLOW, 443) for _ in range(20)]
    wait_until(lambda: queries.count(SLOW) == 2)
    assert pool.submit("bob", FAST, 443).result(5) == [PUBLIC]
    assert queries.count(SLOW) == 2
    assert not any(lookup.done() for lookup in slow)
    assert sum(lookup.cancel() for lookup in slow) == 18  # the others run


def test_lookup_that_nobody_waits_for_is_not_made(name_server):
    answer, queries = name_server
    pool = LookupPool(threads=1, per_tenant=1)
    first, second, third = (pool.submit("anna", host, 443) for host in (SLOW, FAST, SLOW))
    wait_until(lambda: queries)
    assert second.cancel()
    answer.set()
    wait([first, third], 5)
    assert queries == [SLOW, SLOW]


def test_submission_waits_for_a_name_server_no_longer_than_the_deadline(
    make_service, name_server, short_timeout
):
    service = make_service()
    start = time.monotonic()
    service.submit(webhook_url=f"https://{SLOW}/")
    assert time.monotonic() - start < 5


def test_delivery_waits_for_a_name_server_no_longer_than_the_deadline(name_server, short_timeout):
    with pytest.raises(WebhookUrlError, match="unknown host"):
        url_guard.resolve_public_target(f"https://{SLOW}/", private=False, tenant="anna")


def test_other_requests_are_answered_while_a_name_server_is_slow(make_service, name_server):
    """More submissions wait for it than there are threads for requests."""
    service = make_service()
    threads = [
        threading.Thread(target=service.submit, kwargs={"webhook_url": f"https://{SLOW}/"})
        for _ in range(60)
    ]
    with service.client:  # one event loop for all
        for thread in threads:
            thread.start()
        wait_until(lambda: name_server[1])
        start = time.monotonic()
        assert service.client.get("/limits").status_code == 200
        assert time.monotonic() - start < 1.5
        name_server[0].set()
        for thread in threads:
            thread.join()
