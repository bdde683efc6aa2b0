"""Requests of a burst share one capacity query, and never exceed its answer."""

from bento.api.middleware.capacity_cache import MAX_AGE_S, MAX_IN_FLIGHT, CapacityCache
from tests.bento.tenants import make_tenants, submit_as


def test_burst_shares_one_capacity_query():
    cache = CapacityCache(clock=lambda: 0.0)
    acquired = [cache.try_acquire("anna") for _ in range(MAX_IN_FLIGHT + 1)]
    assert acquired == [False, *[True] * (MAX_IN_FLIGHT - 1), False]
    assert not cache.try_acquire("ben")  # each tenant has its own query


def test_queried_capacity_is_never_exceeded():
    now = 100.0
    cache = CapacityCache(clock=lambda: now)
    cache.update("anna", 3)  # includes the request that queried it
    assert [cache.try_acquire("anna") for _ in range(3)] == [True, True, False]
    cache.update("anna", 0)
    assert not cache.try_acquire("anna")


def test_cached_capacity_expires():
    now = 100.0
    cache = CapacityCache(clock=lambda: now)
    cache.update("anna", 3)
    now += MAX_AGE_S
    assert cache.try_acquire("anna")
    now += 0.01
    assert not cache.try_acquire("anna")


def test_one_tenant_cannot_fill_the_queue(make_service, tmp_path):
    service, anna, bert = make_tenants(
        make_service, tmp_path, "anna", "bert", max_queued_per_tenant=1
    )
    submit_as(service, anna)
    files = {"file": ("a.mp4", b"x")}
    response = service.client.post("/analyze-video", files=files, headers=anna)
    assert response.status_code == 429
    assert submit_as(service, bert)
