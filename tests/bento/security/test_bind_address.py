"""The service refuses to listen on a public address without API keys."""

import socket

import pytest

from bento.security.bind_address import (
    bound_host,
    host_from_argv,
    is_loopback,
    require_api_keys_for_public_bind,
)
from bento.settings import ServiceSettings
from unmask.errors import ConfigError


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_bound_host_is_read_from_the_inherited_socket(host):
    with socket.create_server((host, 0)) as listener:
        assert bound_host(["worker", "--fd", str(listener.fileno()), "x"]) == host
        assert listener.getsockname()[0] == host  # the socket stays open


@pytest.mark.parametrize(
    ("argv", "host"),
    [
        (["bentoml", "serve", "--host", "10.0.0.1"], "10.0.0.1"),
        (["bentoml", "serve", "--host=::"], "::"),
        (["bentoml", "serve", "--port", "3000"], None),
    ],
)
def test_host_is_read_from_the_command_line(argv, host):
    assert host_from_argv(argv) == host
    assert bound_host(argv) is None


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.1", "::", "example.org"])
def test_public_bind_without_keys_is_refused(host):
    argv = ["bentoml", "serve", "--host", host]
    with pytest.raises(ConfigError, match="API keys are required"):
        require_api_keys_for_public_bind(ServiceSettings(), argv)


@pytest.mark.parametrize(
    ("host", "has_keys"), [("127.0.0.1", False), ("localhost", False), ("0.0.0.0", True)]
)
def test_loopback_or_keys_allow_the_bind(host, has_keys, tmp_path):
    settings = ServiceSettings(api_keys_file=tmp_path / "keys" if has_keys else None)
    require_api_keys_for_public_bind(settings, ["bentoml", "serve", "--host", host])


def test_only_loopback_names_and_addresses_are_loopback():
    expected = {
        "127.0.0.1": True,
        "127.8.8.8": True,
        "[::1]": True,
        "localhost": True,
        "192.168.0.1": False,
        "localhost.example.org": False,
        None: False,
    }
    assert {host: is_loopback(host) for host in expected} == expected
