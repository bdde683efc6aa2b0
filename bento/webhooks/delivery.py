"""Webhook delivery: one signed request, with exponential backoff between attempts.

Receivers verify ``webhook-signature`` as `Standard Webhooks <https://www.standardwebhooks.com>`_
describes, or ``Unmask-Signature``, which is ``v1=`` and the HMAC-SHA256 of
``<Unmask-Timestamp>.<body>`` under the tenant's webhook secret. They refuse old timestamps.
"""

import logging
import random
from datetime import UTC, datetime
from typing import Any

import anyio
import httpx
from standardwebhooks import Webhook

from bento.db.models import Job
from bento.security.signing import sign_webhook, standard_webhook_secret
from bento.webhooks.payload import build_payload
from bento.webhooks.url_guard import ResolvedTarget, resolve_public_target

TIMEOUT_S = 15.0
MIN_BACKOFF_S = 20.0  # longer than one attempt, so that attempts cannot overlap
MAX_BACKOFF_S = 3600.0

log = logging.getLogger(__name__)


def deliver(job: Job, secret: str, private: bool, root_path: str = "") -> bool:
    """Send a job's webhook once and return whether the receiver accepted it (2xx).

    Args:
        private: Whether http and private addresses are allowed.
        root_path: Path under which a reverse proxy serves the service.
    """
    body = build_payload(job, root_path)
    headers = signed_headers(job.id, secret, body, datetime.now(UTC))
    try:
        target = resolve_public_target(job.options["webhook_url"], private, job.tenant)
        status = anyio.run(_post, target, body, headers)
    except Exception as error:  # URLs of older releases may fail anywhere; other webhooks go on
        log.info("webhook of job %s failed: %s", job.id, type(error).__name__)
        return False
    return 200 <= status < 300


def signed_headers(job_id: str, secret: str, body: bytes, now: datetime) -> dict[str, str]:
    """Return the headers of a webhook: those of Standard Webhooks, and ours of before them."""
    timestamp = str(int(now.timestamp()))
    standard = Webhook(standard_webhook_secret(secret))
    return {
        "Content-Type": "application/json",
        "User-Agent": "unmask",
        "webhook-id": job_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": standard.sign(job_id, now, body.decode()),
        "Unmask-Delivery": job_id,
        "Unmask-Timestamp": timestamp,
        "Unmask-Signature": sign_webhook(secret, timestamp, body),
    }


def backoff_s(tries: int) -> float:
    """Return the pause after ``tries`` attempts: exponential, capped, with up to 20 % jitter."""
    return float(min(MIN_BACKOFF_S * 2 ** (tries - 1), MAX_BACKOFF_S) * random.uniform(1.0, 1.2))


async def _post(target: ResolvedTarget, body: bytes, headers: dict[str, str]) -> int:
    address = f"[{target.address}]" if ":" in target.address else target.address
    url = f"{target.scheme}://{address}:{target.port}{target.path}"
    headers = {**headers, "Host": f"{target.host}:{target.port}"}
    extensions: dict[str, Any] = {"sni_hostname": target.host}  # verify the certificate of the host
    async with httpx.AsyncClient(trust_env=False, follow_redirects=False) as client:
        with anyio.fail_after(TIMEOUT_S):
            request = client.build_request(
                "POST", url, content=body, headers=headers, extensions=extensions
            )
            response = await client.send(request, stream=True)  # the body is not read
            await response.aclose()
            return response.status_code
