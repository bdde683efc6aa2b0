"""No timer per request.

BentoML starts one for each request and never cancels it, so that 0.7 KiB of every answered request
stay in memory for the whole ``traffic.timeout``. Uploads may take an hour. Clients that let the
service wait are given up by :mod:`bento.api.connections.guard`, and analyses have their own limit.
"""

from bentoml._internal.server.http import traffic
from starlette.types import ASGIApp, Receive, Scope, Send


class NoRequestTimer:
    """Stands in for BentoML's middleware, and passes requests on."""

    def __init__(self, app: ASGIApp, timeout: float) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        await self._app(scope, receive, send)


def remove_request_timer() -> None:
    """Let BentoML build applications without its timer; it has no setting for that."""
    traffic.TimeoutMiddleware = NoRequestTimer
