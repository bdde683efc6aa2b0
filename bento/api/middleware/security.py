"""Security middleware: loopback-only access without API keys, and security headers."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bento.api.error_response import RequestRejected, error_response
from bento.api.route_paths import FRONTEND_PATH
from bento.security.bind_address import is_loopback

LOOPBACK_ONLY = (
    "without API keys only loopback requests are accepted; create a key with "
    "`python -m bento keys add`"
)
CROSS_ORIGIN = "cross-origin request rejected; without API keys only this service's page is allowed"
# replace BentoML's and Starlette's plain-text responses
PLAIN_TEXT_ERRORS = {
    404: "path not found; /docs lists all routes",
    400: "invalid Range header; expected for example `bytes=0-1023`",
    416: "range not satisfiable: it lies outside the file",
}
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


class SecurityMiddleware:
    """The outermost middleware, around BentoML's own routes as well.

    Args:
        local: Whether no API keys are configured, so that only loopback requests are accepted.
    """

    def __init__(self, app: ASGIApp, local: bool) -> None:
        self.app = app
        self._local = local

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Reject non-loopback requests if ``local``, redirect `/`, and pass on the rest."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        send = with_security_headers(send)
        try:
            if self._local:
                _check_loopback(Request(scope))
        except RequestRejected as rejection:
            return await rejection.to_response()(scope, receive, send)
        if scope["path"] == "/":  # BentoML's page there loads scripts from a CDN
            return await RedirectResponse(FRONTEND_PATH)(scope, receive, send)
        return await self.app(scope, receive, _jsonify_plain_errors(scope, receive, send))


def with_security_headers(send: Send) -> Send:
    """Wrap ``send`` to add each of ``SECURITY_HEADERS`` that a response does not set itself."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return send_with_headers


def _check_loopback(request: Request) -> None:
    """Reject requests from other machines, DNS rebinding and cross-site requests."""
    server = request.scope.get("server")
    host = _hostname(f"//{request.headers.get('host', '')}")
    if (server and not is_loopback(server[0])) or not is_loopback(host):
        raise RequestRejected(403, LOOPBACK_ONLY)
    origin = request.headers.get("origin")
    if origin and not is_loopback(_hostname(origin)):
        raise RequestRejected(403, CROSS_ORIGIN)


def _hostname(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:  # for example an unclosed bracket
        return None


def _jsonify_plain_errors(scope: Scope, receive: Receive, send: Send) -> Send:
    """Wrap ``send`` to replace plain-text errors by the common JSON form."""
    replaced = False

    async def send_json(message: Message) -> None:
        nonlocal replaced
        if message["type"] == "http.response.start" and message["status"] in PLAIN_TEXT_ERRORS:
            status, headers = message["status"], Headers(raw=message["headers"])
            replaced = headers.get("content-type", "").startswith("text/plain")
            if replaced:
                kept = {name: value for name, value in headers.items() if name == "content-range"}
                response = error_response(status, PLAIN_TEXT_ERRORS[status], kept)
                await response(scope, receive, send)
        if not replaced:
            await send(message)

    return send_json
