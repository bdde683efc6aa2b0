"""Rate limits that two services share through Redis."""

import asyncio

import pytest

from bento.api.middleware import shared_rate_limit
from bento.api.middleware.shared_rate_limit import RedisLimiter
from bento.settings import ServiceSettings
from tests.bento.servers import free_port
from unmask.errors import ConfigError

AWAY = "redis://127.0.0.1:1/0"


@pytest.fixture
def fresh_redis(redis):
    redis.kill()
    return redis.start()


def ask(client, times=1):
    return [client.get("/jobs") for _ in range(times)]


def statuses(responses):
    return [response.status_code for response in responses]


@pytest.mark.services
def test_two_services_grant_one_allowance(make_service, fresh_redis):
    options = {"rate_limit_store": fresh_redis, "requests_per_minute": 4}
    first, second = (make_service(**options).client for _ in range(2))
    assert statuses(ask(first, 2) + ask(second, 2)) == [200] * 4
    for client in (first, second):
        (refused,) = ask(client)
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert refused.headers["RateLimit"].startswith('"requests";r=0;t=')
    assert refused.headers["RateLimit-Policy"] == '"requests";q=4;w=60'


@pytest.mark.services
def test_clients_and_policies_are_counted_apart(fresh_redis):
    async def run():
        limiter = RedisLimiter(fresh_redis)
        keys = [("requests", "anna"), ("requests", "bert"), ("submissions", "anna")]
        return [(await limiter.take(policy, 2, client)).remaining for policy, client in keys]

    assert asyncio.run(run()) == [1, 1, 1]


def test_without_redis_each_service_counts_for_itself(make_service, caplog):
    options = {"rate_limit_store": AWAY, "requests_per_minute": 2}
    first, second = (make_service(**options).client for _ in range(2))
    for client in (first, second):
        assert statuses(ask(client, 3)) == [200, 200, 429]
    warnings = [record for record in caplog.records if "Redis does not answer" in record.message]
    assert len(warnings) == 2  # one for each service, and not for each request


@pytest.mark.services
def test_redis_is_asked_again_after_a_while(redis):
    redis.kill()
    redis.port = free_port()
    now = [100.0]

    async def run():
        limiter = RedisLimiter(f"redis://127.0.0.1:{redis.port}/0", lambda: now[0])
        first = await limiter.take("requests", 2, "anna")
        redis.start()
        second = await limiter.take("requests", 2, "anna")
        now[0] += shared_rate_limit.RETRY_S
        return first, second, await limiter.take("requests", 2, "anna")

    first, second, third = asyncio.run(run())
    assert (first, second) == (None, None)
    assert third.remaining == 1


@pytest.mark.parametrize("url", ["memory://", "http://a", "redis:", "redis://a b"])
def test_another_kind_of_store_is_refused(url):
    with pytest.raises(ConfigError, match="UNMASK_RATE_LIMIT_STORE"):
        ServiceSettings.from_environment({"UNMASK_RATE_LIMIT_STORE": url})
