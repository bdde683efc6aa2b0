#!/usr/bin/env bash
# BentoML keeps a timer of every answered request until `traffic.timeout` has passed.
#
# Expected: `traffic.timeout` limits how long a request may take. Its timer ends with the answer.
# Seen:     After 50 requests that were answered at once, 50 timers of an hour are still scheduled.
#           Each holds the context of its request. The timeout has no value that means none: 0 and
#           null are refused.
# Matters:  A service with slow uploads or long inference sets a long timeout. Its memory then grows
#           with every request of that time, health checks included: about 0.7 KiB each.
# Remedy:   Replace `bentoml._internal.server.http.traffic.TimeoutMiddleware` before the service
#           starts, or choose the shortest timeout that uploads allow.
#
# Installs about 350 MB. Takes a minute.

set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python="$work/venv/bin/python"
export BENTOML_HOME="$work/bentoml" BENTOML_DO_NOT_TRACK=true

"${PYTHON:-python3}" -m venv "$work/venv" || exit 2
"$python" -m pip install --quiet --disable-pip-version-check bentoml==1.4.39 httpx==0.28.1 || exit 2

cat > "$work/requests.py" <<'PYTHON'
"""Answer requests in one process, and count the timers that are left."""

import asyncio
import sys
from importlib.metadata import version

import bentoml
from starlette.testclient import TestClient

REQUESTS, TIMEOUT_S = 50, 3600.0
loops = set()
call_later = asyncio.BaseEventLoop.call_later


def record(loop, *arguments, **context):
    loops.add(loop)
    return call_later(loop, *arguments, **context)


asyncio.BaseEventLoop.call_later = record


@bentoml.service(traffic={"timeout": TIMEOUT_S}, metrics={"enabled": False})
class Echo:
    @bentoml.api
    def echo(self, text: str) -> str:
        return text


with TestClient(Echo.to_asgi()) as client:
    for _ in range(REQUESTS):
        assert client.post("/echo", json={"text": "hello"}).text == "hello"
    waiting = [
        timer
        for loop in loops
        for timer in loop._scheduled
        if not timer.cancelled() and timer.when() - loop.time() > TIMEOUT_S / 2
    ]
    print(f"bentoml {version('bentoml')}: {REQUESTS} answers, {len(waiting)} timers are left")
    sys.exit(len(waiting) != REQUESTS)
PYTHON

"$python" "$work/requests.py"
echo "as stated: the timers outlive the answers"
