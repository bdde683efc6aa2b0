"""Refuses to listen on a public address without API keys."""

import argparse
import ipaddress
import os
import socket
from collections.abc import Sequence

from bento.settings import ServiceSettings
from unmask.errors import ConfigError


def require_api_keys_for_public_bind(settings: ServiceSettings, argv: Sequence[str]) -> None:
    """Check the address that BentoML's command line ``argv`` binds.

    Raises:
        ConfigError: The address is not a loopback address, and no API keys are configured.
    """
    host = bound_host(argv) or host_from_argv(argv)
    if host is not None and not is_loopback(host) and settings.api_keys_file is None:
        raise ConfigError(
            f"{host}: other machines can reach this address, so API keys are required; "
            "create one with `make key TENANT=name` (`python -m bento keys add FILE TENANT`) "
            "and set UNMASK_API_KEYS_FILE=FILE"
        )


def is_loopback(host: str | None) -> bool:
    """Return whether a host name or address is a loopback address.

    Example:
        >>> is_loopback("127.0.0.1"), is_loopback("[::1]"), is_loopback("10.0.0.1")
        (True, True, False)
    """
    if host is None:
        return False
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def host_from_argv(argv: Sequence[str]) -> str | None:
    """Return the value of ``--host``, an option of `bentoml serve`; None if not given."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--host")
    arguments, _ = parser.parse_known_args(argv[1:])
    host: str | None = arguments.host
    return host


def bound_host(argv: Sequence[str]) -> str | None:
    """Return the address of the socket that BentoML passes to its worker with ``--fd``, if any."""
    if "--fd" not in argv[:-1]:
        return None
    descriptor = os.dup(int(argv[list(argv).index("--fd") + 1]))
    with socket.socket(fileno=descriptor) as listener:
        return str(listener.getsockname()[0])
