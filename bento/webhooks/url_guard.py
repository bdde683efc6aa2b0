"""SSRF guard: webhooks are sent to public addresses only.

The host name is resolved once. The request then goes to the checked address, so that a second DNS
answer (DNS rebinding) cannot redirect it.
"""

import ipaddress
import socket
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from bento.errors import WebhookUrlError

NAT64 = ipaddress.ip_network("64:ff9b::/96")


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


def resolve_public_target(url: str, private: bool) -> ResolvedTarget:
    """Resolve a webhook URL.

    Args:
        private: Whether http and private addresses are allowed.

    Raises:
        WebhookUrlError: The URL is malformed, its host is unknown, or one of the host's addresses
            is not public.
    """
    parts = _split(url)
    host = parts.hostname or ""
    if parts.scheme != "https" and not (private and parts.scheme == "http"):
        raise WebhookUrlError("webhook_url: expected https://…")
    if not host or parts.username is not None or parts.password is not None:
        raise WebhookUrlError("webhook_url: expected https://host/path without user or password")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise WebhookUrlError("webhook_url: unknown host; correct the URL") from error
    addresses = [str(socket_address[0]) for *_, socket_address in entries]
    if not private and not all(is_public(address) for address in addresses):
        raise WebhookUrlError("webhook_url: resolves to a private address; use a public host")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return ResolvedTarget(parts.scheme, host, port, addresses[0], path)


def is_public(address: str) -> bool:
    """Return whether an IP address, or the IPv4 address embedded in it, is public.

    Example:
        >>> [is_public(address) for address in ("93.184.216.34", "10.0.0.1", "::ffff:127.0.0.1")]
        [True, False, False]
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        embedded = ip.ipv4_mapped or ip.sixtofour or (ip.teredo or (None, None))[1]
        if embedded is not None:
            return is_public(str(embedded))
        if ip in NAT64:
            return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
        if ip.is_site_local:  # deprecated, but still routed in private networks
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def _split(url: str) -> Any:
    try:
        parts = urlsplit(url)
        _ = parts.port, parts.hostname  # parsed lazily
    except ValueError as error:
        raise WebhookUrlError("webhook_url: malformed URL") from error
    return parts
