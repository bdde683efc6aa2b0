"""The version of the API in its paths: `/v1/jobs` is `/jobs`, and answers with links of its kind.

Paths without a version came first, and mean version 1 for as long as it is served.
"""

from contextvars import ContextVar

from starlette.types import ASGIApp, Receive, Scope, Send

VERSION_PREFIX = "/v1"
_link_prefix: ContextVar[str] = ContextVar("link_prefix", default="")


def link_prefix() -> str:
    """Return what the links in the present response begin with: `/v1`, or nothing."""
    return _link_prefix.get()


class ApiVersionMiddleware:
    """Takes the version off the path, so that routes and checks need not know it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on under its path without a version."""
        if scope["type"] == "http":
            versioned = scope["path"].startswith(f"{VERSION_PREFIX}/")
            _link_prefix.set(VERSION_PREFIX if versioned else "")
            if versioned:
                scope = {**scope, "path": scope["path"].removeprefix(VERSION_PREFIX)}
        await self.app(scope, receive, send)
