"""Rate limits for each tenant, and the token bucket behind them."""

import pytest

from bento.api.middleware.rate_limit import MAX_BUCKETS, TokenBucketLimiter
from tests.bento.tenants import make_tenants


def test_rate_limited_tenant_gets_429_with_retry_after(make_service, tmp_path):
    service, anna, bert = make_tenants(
        make_service, tmp_path, "anna", "bert", requests_per_minute=3
    )
    statuses = [service.client.get("/jobs", headers=anna).status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    response = service.client.get("/jobs", headers=anna)
    assert 1 <= int(response.headers["Retry-After"]) <= 20  # a token every 20 s
    assert service.client.get("/jobs", headers=bert).status_code == 200


def test_submissions_have_a_limit_of_their_own(make_service):
    service = make_service(submits_per_minute=2)
    files = {"file": ("a.mp4", b"ok")}
    statuses = [service.client.post("/analyze-video", files=files).status_code for _ in range(3)]
    assert statuses == [202, 202, 429]
    assert service.client.get("/jobs").status_code == 200


def test_requests_without_a_key_are_limited_by_address(make_service, tmp_path):
    service, anna = make_tenants(make_service, tmp_path, "anna", requests_per_minute=2)
    statuses = [service.client.get("/jobs").status_code for _ in range(3)]
    assert statuses == [401, 401, 429]
    assert service.client.get("/jobs", headers=anna).status_code == 200


@pytest.mark.parametrize(
    "path", ["/app/", "/app/x", "/docs", "/docs/swagger-ui.css", "/openapi.json"]
)
def test_public_pages_are_limited_by_address_and_probes_are_not(make_service, tmp_path, path):
    service, anna = make_tenants(make_service, tmp_path, "anna", requests_per_minute=2)
    responses = [service.client.get(path) for _ in range(3)]
    assert [response.status_code for response in responses][2] == 429
    assert int(responses[2].headers["Retry-After"]) > 0
    assert {service.client.get("/livez").status_code for _ in range(5)} == {200}
    assert service.client.get("/jobs", headers=anna).status_code == 200


def test_responses_describe_the_limits(make_service):
    service = make_service(requests_per_minute=60, submits_per_minute=2)
    response = service.client.get("/jobs")
    assert response.headers["RateLimit-Policy"] == '"requests";q=60;w=60'
    assert response.headers["RateLimit"] == '"requests";r=59;t=1'
    files = {"file": ("a.mp4", b"ok")}
    headers = [service.client.post("/analyze-video", files=files).headers for _ in range(3)][-1]
    assert headers["RateLimit-Policy"] == '"requests";q=60;w=60, "submissions";q=2;w=60'
    assert '"submissions";r=0;t=60' in headers["RateLimit"]
    assert "RateLimit" not in service.client.get("/livez").headers


def test_token_bucket_refills_with_time():
    now = 0.0
    limiter = TokenBucketLimiter(per_minute=60, clock=lambda: now)
    assert [limiter.take("a").wait_s for _ in range(60)] == [0.0] * 60
    assert limiter.take("a").wait_s == pytest.approx(1.0)
    now = 0.25
    assert limiter.take("a").wait_s == pytest.approx(0.75)
    now = 1.0
    assert limiter.take("a").wait_s == 0.0
    assert limiter.take("a").wait_s == pytest.approx(1.0)
    now = 1e6  # never above its capacity
    assert [limiter.take("a").wait_s for _ in range(61)][-2:] == [0.0, pytest.approx(1.0)]


def test_number_of_buckets_is_bounded():
    limiter = TokenBucketLimiter(per_minute=1, clock=lambda: 0.0)
    for client in range(MAX_BUCKETS + 1):
        limiter.take(str(client))
    assert limiter.take("1").wait_s > 0.0  # still known
    assert limiter.take("0").wait_s == 0.0  # evicted, and granted like a new client
