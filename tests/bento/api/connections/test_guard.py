"""The limit of open files, and the counts of connections."""

import resource
import subprocess
import sys

import pytest
import uvicorn

from bento.api.connections.guard import ConnectionGuard, max_connections, network_of
from bento.api.connections.protocol import GuardedProtocol, install_guard


class FakeConnection:
    def close_if_stalled(self, now, deadlines):
        pass


@pytest.fixture
def guard(monkeypatch):
    monkeypatch.setattr(ConnectionGuard, "_schedule", lambda self: None)  # needs an event loop
    return ConnectionGuard(max_total=3, max_per_address=2)


def test_limits_hold_in_total_and_per_address(guard):
    connections = [FakeConnection() for _ in range(3)]
    for connection in connections[:2]:
        assert guard.refusal("192.0.2.1") is None
        guard.add(connection, "192.0.2.1")
    assert "this address" in guard.refusal("192.0.2.1")
    assert guard.refusal("192.0.2.2") is None
    guard.add(connections[2], "192.0.2.2")
    assert "too many connections are open" in guard.refusal("192.0.2.3")
    guard.remove(connections[0])
    guard.remove(connections[0])  # a second time changes nothing
    assert guard.refusal("192.0.2.1") is None


def test_addresses_of_one_ipv6_network_are_one_client():
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1")
    assert network_of("2001:db8::1") != network_of("2001:db8:0:1::1")
    assert network_of("fe80::1%eth0") == network_of("fe80::2%eth0")


def test_file_limit_is_raised_and_bounds_the_connections():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowered = 512 if hard == resource.RLIM_INFINITY else min(hard, 512)
    code = (
        "import resource as r; from bento.api.connections.guard import raise_file_limit as f;"
        f"r.setrlimit(r.RLIMIT_NOFILE, (200, {lowered}));"
        "print(f(), *r.getrlimit(r.RLIMIT_NOFILE))"
    )
    command = [sys.executable, "-c", code]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert output.split() == [str(lowered)] * 3
    assert max_connections(1024) == 384
    assert max_connections(10) == 1


def test_uvicorn_takes_the_guarded_protocol_by_default(monkeypatch):
    monkeypatch.setattr(uvicorn.config, "HTTP_PROTOCOLS", dict(uvicorn.config.HTTP_PROTOCOLS))
    monkeypatch.setattr(GuardedProtocol, "guard", None, raising=False)
    install_guard(max_per_address=7)
    config = uvicorn.Config("bento.api.app:create_app", ws="none")
    config.load()
    assert config.http_protocol_class is GuardedProtocol
