"""SSRF guard: webhooks are sent to public addresses only.

The host name is resolved once. The request then goes to the checked address, so that a second DNS
answer (DNS rebinding) cannot redirect it.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from bento.errors import WebhookUrlError
from bento.webhooks.lookups import TIMEOUT_S, LookupPool
from bento.webhooks.public_address import is_public

UNKNOWN_HOST = "webhook_url: unknown host; correct the URL"


@dataclass(frozen=True, slots=True)
class ResolvedTarget:
    """A webhook URL whose host name has been resolved.

    Attributes:
        host: Host name of the URL, which the TLS certificate must match.
        address: The address to connect to.
        path: Path with query.
    """

    scheme: str
    host: str
    port: int
    address: str
    path: str


def resolve_public_target(url: str, private: bool, tenant: str) -> ResolvedTarget:
    """Resolve a webhook URL; waits at most ``TIMEOUT_S``.

    Args:
        private: Whether http and private addresses are allowed.
        tenant: Whose webhook it is.

    Raises:
        WebhookUrlError: The URL is malformed, its host is unknown, one of the host's addresses is
            not public, or the name server does not answer in time.
    """
    parts, port = _check_form(url, private)
    lookup = LookupPool.shared().submit(tenant, parts.hostname, port)
    try:
        addresses = lookup.result(TIMEOUT_S)
    except (OSError, UnicodeError) as error:  # TimeoutError is an OSError
        lookup.cancel()
        raise WebhookUrlError(UNKNOWN_HOST) from error
    _check_addresses(addresses, private)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return ResolvedTarget(parts.scheme, parts.hostname, port, addresses[0], path)


async def check_public_target(url: str, private: bool, tenant: str) -> None:
    """Check a webhook URL like :func:`resolve_public_target`, without holding a thread.

    A name server that does not answer in time proves nothing about the URL, which is resolved and
    checked again when the webhook is sent.

    Raises:
        WebhookUrlError: The URL is malformed, its host is unknown or not public.
    """
    parts, port = _check_form(url, private)
    lookup = LookupPool.shared().submit(tenant, parts.hostname, port)
    try:
        addresses = await asyncio.wait_for(asyncio.wrap_future(lookup), TIMEOUT_S)
    except TimeoutError:
        return
    except (OSError, UnicodeError) as error:
        raise WebhookUrlError(UNKNOWN_HOST) from error
    _check_addresses(addresses, private)


def _check_addresses(addresses: Sequence[str], private: bool) -> None:
    if not private and not all(is_public(address) for address in addresses):
        raise WebhookUrlError("webhook_url: resolves to a private address; use a public host")


def _check_form(url: str, private: bool) -> tuple[Any, int]:
    """Return the parts of the URL and its port."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port  # parsed lazily
    except ValueError as error:
        raise WebhookUrlError("webhook_url: malformed URL") from error
    if parts.scheme != "https" and not (private and parts.scheme == "http"):
        raise WebhookUrlError("webhook_url: expected https://…")
    if not host or parts.username is not None or parts.password is not None:
        raise WebhookUrlError("webhook_url: expected https://host/path without user or password")
    return parts, port or (443 if parts.scheme == "https" else 80)
