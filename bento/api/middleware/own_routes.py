"""Serves this application's routes alone, and none of BentoML's own.

BentoML answers under paths that are in no document of ours: they tell its version and every route,
have no rate limit, and answer errors in another form.
"""

from starlette.types import ASGIApp, Receive, Scope, Send


class OwnRoutesMiddleware:
    """Passes requests to ``own`` instead of BentoML's application."""

    def __init__(self, app: ASGIApp, own: ASGIApp) -> None:
        self.app = app
        self._own = own

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; start and stop concern BentoML's application."""
        await (self._own if scope["type"] == "http" else self.app)(scope, receive, send)
