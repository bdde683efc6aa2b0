"""Body-size limit: rejects large uploads before they fill the disk."""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bento.api.error_response import error_response
from bento.api.route_paths import BATCH_PATH
from bento.settings import MIB


class BodySizeLimitMiddleware:
    """Rejects request bodies above a limit, by Content-Length or while they arrive."""

    def __init__(self, app: ASGIApp, max_mib: int, max_batch_mib: int) -> None:
        self.app = app
        self._max_mib, self._max_batch_mib = max_mib, max_batch_mib

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and count the bytes of its body."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        max_mib = self._max_batch_mib if scope["path"] == BATCH_PATH else self._max_mib
        message = f"the upload is larger than {max_mib} MiB; send shorter, smaller or fewer videos"
        content_length = dict(scope["headers"]).get(b"content-length", b"0")
        if content_length.isdigit() and int(content_length) > max_mib * MIB:
            return await error_response(413, message)(scope, receive, send)
        received = 0

        async def counting_receive() -> Message:
            nonlocal received
            event = await receive()
            received += len(event.get("body", b""))
            if received > max_mib * MIB:
                raise HTTPException(413, message)
            return event

        return await self.app(scope, counting_receive, send)
