"""Answered requests leave no timer behind."""

import asyncio

import pytest
from bentoml._internal.server.base_app import BaseAppFactory
from bentoml._internal.server.http import traffic
from starlette.testclient import TestClient

from bento.api.middleware.request_timer import NoRequestTimer, remove_request_timer

TIMEOUT_S = 3600.0


class Factory(BaseAppFactory):
    """BentoML's own application, with health checks alone."""

    name = "service"


@pytest.fixture
def timers(monkeypatch):
    """Delays of the timers that are started, in seconds."""
    delays = []
    call_later = asyncio.BaseEventLoop.call_later

    def record(loop, delay, *arguments, **context):
        delays.append(delay)
        return call_later(loop, delay, *arguments, **context)

    monkeypatch.setattr(asyncio.BaseEventLoop, "call_later", record)
    monkeypatch.setattr(traffic, "TimeoutMiddleware", traffic.TimeoutMiddleware)
    return delays


def send_requests():
    with TestClient(Factory(timeout=TIMEOUT_S)()) as client:
        for _ in range(3):
            assert client.get("/livez").status_code == 200


def test_requests_start_no_timer(timers):
    remove_request_timer()
    send_requests()
    assert TIMEOUT_S not in timers


def test_the_service_is_built_without_the_timer():
    import bento.service  # noqa: F401  # it replaces BentoML's middleware

    assert traffic.TimeoutMiddleware is NoRequestTimer
