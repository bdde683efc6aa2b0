"""Receive the service's webhooks and verify their signatures, with the standard library alone.

    UNMASK_WEBHOOK_SECRET=… .venv/bin/python examples/webhook_receiver.py [PORT]

`make key` prints the secret of a tenant. Submit a video with the form field `webhook_url`; while
both run on one machine, start the service with UNMASK_WEBHOOK_PRIVATE=true, because it refuses
private addresses otherwise.
"""

import hashlib
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

MAX_AGE_S = 300
MAX_BODY_BYTES = 1 << 20


def is_authentic(secret: str, timestamp: str, signature: str, body: bytes, now_s: float) -> bool:
    """Return whether the service signed ``body`` and the webhook is no replay.

    Args:
        timestamp: Header ``Unmask-Timestamp``, seconds since 1970.
        signature: Header ``Unmask-Signature``: ``v1=`` and the HMAC-SHA256, in hexadecimal
            digits, of the timestamp, a dot and the body under the tenant's secret.
        now_s: Seconds since 1970; a webhook older or newer than ``MAX_AGE_S`` is refused.
    """
    digest = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
    if not hmac.compare_digest(f"v1={digest.hexdigest()}".encode(), signature.encode()):
        return False
    return abs(now_s - float(timestamp)) <= MAX_AGE_S


class WebhookHandler(BaseHTTPRequestHandler):
    """Answers 204 to an authentic webhook and prints it; 400, 401 or 413 otherwise."""

    secret = ""

    def do_POST(self) -> None:
        """Verify first, parse second: an unsigned body is never parsed."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            self._respond(400)
            return
        if int(length) > MAX_BODY_BYTES:
            self._respond(413)
            return
        body = self.rfile.read(int(length))
        timestamp = self.headers.get("Unmask-Timestamp", "")
        signature = self.headers.get("Unmask-Signature", "")
        if not is_authentic(self.secret, timestamp, signature, body, time.time()):
            self._respond(401)
            return
        event = json.loads(body)
        print(event["event"], event["file"], event["verdict"], event["status_url"], flush=True)
        self._respond(204)

    def _respond(self, status: int) -> None:
        self.send_response(status)
        self.end_headers()


def main(arguments: list[str]) -> int:
    """Serve until interrupted; exit code 1 where the secret is missing."""
    WebhookHandler.secret = os.environ.get("UNMASK_WEBHOOK_SECRET", "")
    if not WebhookHandler.secret:
        print(__doc__, file=sys.stderr)
        return 1
    port = int(arguments[0]) if arguments else 8000
    with HTTPServer(("127.0.0.1", port), WebhookHandler) as server:
        print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
