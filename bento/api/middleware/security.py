"""Security middleware: loopback-only access without API keys, request ids, security headers."""

import re
from http import HTTPStatus
from urllib.parse import urlsplit, urlunsplit

from starlette.datastructures import URL, Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bento.api.error_response import (
    PATH_NOT_FOUND,
    RequestRejected,
    error_response_of_status,
)
from bento.api.request_id import HEADER as REQUEST_ID_HEADER
from bento.api.request_id import assign_request_id
from bento.api.route_paths import FRONTEND_PATH
from bento.api.security_headers import SECURITY_HEADERS
from bento.security.bind_address import is_loopback

LOOPBACK_ONLY = (
    "without API keys only loopback requests are accepted; create a key with "
    "`python -m bento keys add`"
)
FORWARDED = (
    "without API keys requests that a proxy has forwarded are refused; create a key with "
    "`python -m bento keys add`"
)
# set by proxies: the client may be another machine, whatever its address
FORWARDING_HEADERS = re.compile(
    rb".*forwarded.*|via|cdn-loop|.*(client|connecting|proxyuser|real|remote)-?(ip|addr)|"
    rb"x-(original|rewrite|envoy|amzn|azure|appengine|arr|nginx|proxyuser|traefik|varnish)-?.*|"
    rb"x-(host|scheme|client-?ip.*)|(akamai|cf|fastly|fly|ngrok|tailscale)-.*"
)
CROSS_ORIGIN = "cross-origin request rejected; without API keys only this service's page is allowed"
REDIRECTS = (301, 302, 303, 307, 308)
# replace plain-text responses of Starlette and BentoML, apart from these headers
KEPT_HEADERS = ("content-range", "allow", "retry-after")
PLAIN_TEXT_ERRORS = {
    404: PATH_NOT_FOUND,
    400: "invalid Range header; expected for example `bytes=0-1023`",
    416: "range not satisfiable: it lies outside the file",
}


class SecurityMiddleware:
    """The outermost middleware, around BentoML's own routes as well.

    Args:
        local: Whether no API keys are configured, so that only loopback requests are accepted.
        root_path: Path under which a reverse proxy serves the service; the proxy may strip it.
    """

    def __init__(self, app: ASGIApp, local: bool, root_path: str = "") -> None:
        self.app = app
        self._local = local
        self._root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Reject non-loopback requests if ``local``, redirect `/`, and pass on the rest."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        send = self._with_common_headers(scope, send, assign_request_id(scope))
        try:
            if self._local:
                _check_loopback(Request(scope))
        except RequestRejected as rejection:
            return await rejection.to_response()(scope, receive, send)
        root_path = self._root_path
        if root_path and f"{scope['path']}/".startswith(f"{root_path}/"):
            scope = {**scope, "path": scope["path"].removeprefix(root_path) or "/"}
        if scope["path"] == "/":  # BentoML's page there loads scripts from a CDN
            page = RedirectResponse(f"{root_path}{FRONTEND_PATH}/")
            return await page(scope, receive, send)
        return await self.app(scope, receive, _jsonify_plain_errors(scope, receive, send))

    def _with_common_headers(self, scope: Scope, send: Send, request_id: str) -> Send:
        """Wrap ``send``: add request id and ``SECURITY_HEADERS``, make redirects here relative."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers[REQUEST_ID_HEADER] = request_id
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                if message["status"] in REDIRECTS:
                    self._make_relative(headers, URL(scope=scope).netloc)
            await send(message)

        return send_with_headers

    def _make_relative(self, headers: MutableHeaders, netloc: str) -> None:
        parts = urlsplit(headers.get("location", ""))
        if parts.netloc and parts.netloc == netloc:  # Starlette repeats what the client sent
            path = f"{self._root_path}{parts.path}"
            headers["location"] = urlunsplit(("", "", path, parts.query, ""))


def _check_loopback(request: Request) -> None:
    """Reject requests from other machines, forwarded ones, DNS rebinding and other sites."""
    if any(FORWARDING_HEADERS.fullmatch(name) for name, _ in request.scope["headers"]):
        raise RequestRejected("loopback_only", FORWARDED)
    server, client = request.scope.get("server"), request.client
    host = _hostname(f"//{request.headers.get('host', '')}")
    hosts = (server[0] if server else None, client.host if client else None, host)
    if not all(map(is_loopback, hosts)):
        raise RequestRejected("loopback_only", LOOPBACK_ONLY)
    origin = request.headers.get("origin")
    if origin and not is_loopback(_hostname(origin)):
        raise RequestRejected("cross_origin", CROSS_ORIGIN)


def _hostname(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:  # for example an unclosed bracket
        return None


def _jsonify_plain_errors(scope: Scope, receive: Receive, send: Send) -> Send:
    """Wrap ``send`` to replace plain-text errors by the common form."""
    replaced = False

    async def send_json(message: Message) -> None:
        nonlocal replaced
        if message["type"] == "http.response.start" and message["status"] >= 400:
            status, headers = message["status"], Headers(raw=message["headers"])
            replaced = headers.get("content-type", "").startswith("text/plain")
            if replaced:
                kept = {name: headers[name] for name in KEPT_HEADERS if name in headers}
                text = PLAIN_TEXT_ERRORS.get(status, HTTPStatus(status).phrase.lower())
                await error_response_of_status(status, text, kept)(scope, receive, send)
        if not replaced:
            await send(message)

    return send_json
