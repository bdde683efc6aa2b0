"""What stands before all routes, BentoML's own as well: who is answered, and which headers."""

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PAGE = "/app"
# what BentoML and Starlette say in plain text
PLAIN = {
    404: "there is no such path; all that there are: /docs",
    400: "the Range header is not understood; send such as `bytes=0-1023`",
    416: "the file has no such range",
}
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


class RequestRejected(HTTPException):
    """A request that goes no further."""


class SecurityMiddleware:
    """The outermost of all: nobody sees an answer that has not passed here.

    Args:
        local: Whether there are no API keys, so that this machine alone is answered.
    """

    def __init__(self, app: ASGIApp, local: bool) -> None:
        self.app = app
        self._local = local

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse strangers, lead to the page, and pass on what is left."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        try:
            if self._local:
                _check_local(Request(scope))
        except RequestRejected as refusal:
            return await error_response(refusal.status_code, refusal.detail)(
                scope, receive, with_security_headers(send)
            )
        if scope["path"] == "/":  # BentoML has a page there that loads scripts from elsewhere
            return await RedirectResponse(PAGE)(scope, receive, with_security_headers(send))
        return await self.app(
            scope, receive, _jsonify_plain_errors(scope, receive, with_security_headers(send))
        )


def error_response(status: int, words: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """The one form that every refusal and failure has."""
    return JSONResponse({"error": words}, status_code=status, headers=headers)


def is_loopback(host: str | None) -> bool:
    """Whether an address or a name is this machine's own.

    Example:
        >>> is_loopback("127.0.0.1"), is_loopback("[::1]"), is_loopback("10.0.0.1")
        (True, True, False)
    """
    if host is None:
        return False
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _host_of(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:  # such as an open bracket
        return None


def _check_local(request: Request) -> None:
    """Without keys, only this machine may ask, and no page of another site through its browser."""
    server = request.scope.get("server")
    host = _host_of(f"//{request.headers.get('host', '')}")
    if (server and not is_loopback(server[0])) or not is_loopback(host):
        raise RequestRejected(
            403, "without API keys only this machine is answered; make keys: see README"
        )
    origin = request.headers.get("origin")
    if origin and not is_loopback(_host_of(origin)):
        raise RequestRejected(403, "a page of another site may not ask")


def _jsonify_plain_errors(scope: Scope, receive: Receive, send: Send) -> Send:
    """What others refuse in plain text: say it as every other failure."""
    replaced = False

    async def send_alike(message: Message) -> None:
        nonlocal replaced
        if message["type"] == "http.response.start" and message["status"] in PLAIN:
            headers = Headers(raw=message["headers"])
            replaced = headers.get("content-type", "").startswith("text/plain")
            if replaced:
                kept = {name: said for name, said in headers.items() if name == "content-range"}
                refusal = error_response(message["status"], PLAIN[message["status"]], kept)
                await refusal(scope, receive, send)
        if not replaced:
            await send(message)

    return send_alike


def with_security_headers(send: Send) -> Send:
    """Add ``HEADERS`` to an answer, where it has not its own."""

    async def send_dressed(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return send_dressed
