"""Telling the sender that a job has ended: signed, tried again, and never to this network.

The receiver checks ``Unmask-Signature``: ``v1=`` and the HMAC-SHA256, under the tenant's secret, of
``<Unmask-Timestamp>.<body>``; and that the timestamp is fresh.
"""

import hashlib
import hmac
import ipaddress
import logging
import random
import socket
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx

from bento.api.schemas import JobEndedEvent
from bento.db.models import Job
from unmask.errors import UnmaskError

TOTAL_S = 15.0
FIRST_PAUSE_S = 20.0  # longer than one attempt takes, so that no two overlap
LONGEST_PAUSE_S = 3600.0

log = logging.getLogger(__name__)


class WebhookUrlError(UnmaskError):
    """A webhook may not be sent there."""


@dataclass(frozen=True, slots=True)
class ResolvedTarget:
    """A receiver whose name has been looked up; what is connected to is ``address`` alone.

    Attributes:
        host: As the sender wrote it; what its certificate must name.
    """

    scheme: str
    host: str
    port: int
    address: str
    path: str


def resolve_public_target(url: str, private: bool) -> ResolvedTarget:
    """Look a receiver up, and refuse it unless all its addresses are public.

    Args:
        private: Whether http and addresses of this machine and network are allowed.

    Raises:
        AddressError: It is refused, or not known.
    """
    parts = _parts(url)
    host = parts.hostname or ""
    if parts.scheme != "https" and not (private and parts.scheme == "http"):
        raise WebhookUrlError("webhook_url: wanted https://…")
    if not host or parts.username is not None or parts.password is not None:
        raise WebhookUrlError("webhook_url: wanted https://host/path, without user or password")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise WebhookUrlError("webhook_url: its host is not known") from error
    addresses = [str(one[4][0]) for one in found]
    if not private and not all(is_public(address) for address in addresses):
        raise WebhookUrlError("webhook_url: leads to a private address; use a public one")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return ResolvedTarget(parts.scheme, host, port, addresses[0], path)


def is_public(address: str) -> bool:
    """Whether an address belongs to the internet at large.

    Example:
        >>> [is_public(one) for one in ("93.184.216.34", "10.0.0.1", "::ffff:127.0.0.1")]
        [True, False, False]
    """
    one = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(one, ipaddress.IPv6Address):
        hidden = one.ipv4_mapped or one.sixtofour or (one.teredo or (None, None))[1]
        if hidden is not None:
            return is_public(str(hidden))
        if one in ipaddress.ip_network("64:ff9b::/96"):  # an IPv4 address behind a translator
            return is_public(str(ipaddress.IPv4Address(int(one) & 0xFFFFFFFF)))
        if one.is_site_local:  # given up in 2004, and still somebody's own network
            return False
    return one.is_global and not one.is_multicast and not one.is_reserved


def build_payload(job: Job) -> bytes:
    """What is told of a job that has ended."""
    told = JobEndedEvent.model_validate(
        {
            "event": f"job.{job.status}",
            "job_id": job.id,
            "status": job.status,
            "file": job.file,
            "verdict": job.verdict,
            "fake_probability": (job.result or {}).get("fake_probability"),
            "error": job.error,
            "status_url": f"/jobs/{job.id}",
        }
    )
    return told.model_dump_json().encode()


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """What proves that this service wrote ``body`` at ``timestamp``."""
    said = timestamp.encode() + b"." + body
    return "v1=" + hmac.new(secret.encode(), said, hashlib.sha256).hexdigest()


def deliver(job: Job, secret: str, private: bool) -> bool:
    """Send a job's webhook once; whether it was taken."""
    body, timestamp = build_payload(job), str(int(time.time()))
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "unmask",
        "Unmask-Delivery": job.id,
        "Unmask-Timestamp": timestamp,
        "Unmask-Signature": signature(secret, timestamp, body),
    }
    try:
        target = resolve_public_target(job.options["webhook_url"], private)
        status = anyio.run(_post, target, body, headers)
    except Exception as error:  # some addresses no library understands; they stop no others
        log.info("webhook of job %s: %s", job.id, type(error).__name__)
        return False
    return 200 <= status < 300


def backoff_s(tries: int) -> float:
    """How long to wait after so many tries: twice as long each time, give or take a fifth."""
    return float(min(FIRST_PAUSE_S * 2 ** (tries - 1), LONGEST_PAUSE_S) * random.uniform(1.0, 1.2))


async def _post(target: ResolvedTarget, body: bytes, headers: dict[str, str]) -> int:
    address = f"[{target.address}]" if ":" in target.address else target.address
    url = f"{target.scheme}://{address}:{target.port}{target.path}"
    headers = {**headers, "Host": f"{target.host}:{target.port}"}
    name: dict[str, Any] = {"sni_hostname": target.host}  # the certificate is held against it
    async with httpx.AsyncClient(trust_env=False, follow_redirects=False) as client:
        with anyio.fail_after(TOTAL_S):
            request = client.build_request(
                "POST", url, content=body, headers=headers, extensions=name
            )
            answer = await client.send(request, stream=True)  # what it answers is not read
            await answer.aclose()
            return answer.status_code


def _parts(url: str) -> Any:
    try:
        parts = urlsplit(url)
        _ = parts.port, parts.hostname
    except ValueError as error:
        raise WebhookUrlError("webhook_url: is no address") from error
    return parts
