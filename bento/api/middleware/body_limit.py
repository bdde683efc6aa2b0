"""Body-size limit: rejects uploads that are too large, or have no room, before they are read."""

from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bento.api.error_response import RequestRejected, error_response
from bento.api.route_paths import BATCH_PATH, SUBMISSION_PATHS
from bento.errors import StorageFullError
from unmask.serving.file_limits import MIB


class BodySizeLimitMiddleware:
    """Rejects request bodies above a limit, by Content-Length or while they arrive.

    Args:
        require_room: Raises :class:`StorageFullError` if so many bytes have no room on the disk.
    """

    def __init__(
        self,
        app: ASGIApp,
        max_mib: int,
        max_batch_mib: int,
        require_room: Callable[[int], None] = lambda _: None,
    ) -> None:
        self.app = app
        self._require_room = require_room
        self._max_mib, self._max_batch_mib = max_mib, max_batch_mib

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and count the bytes of its body."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        max_mib = self._max_batch_mib if scope["path"] == BATCH_PATH else self._max_mib
        message = f"the upload is larger than {max_mib} MiB; send shorter, smaller or fewer videos"
        field = dict(scope["headers"]).get(b"content-length", b"0")
        content_length = int(field) if field.isdigit() else 0
        if content_length > max_mib * MIB:
            return await error_response("upload_too_large", message)(scope, receive, send)
        if scope["method"] == "POST" and scope["path"] in SUBMISSION_PATHS:
            try:
                self._require_room(content_length)
            except StorageFullError as error:
                return await error_response(error.code, str(error))(scope, receive, send)
        received = 0

        async def counting_receive() -> Message:
            nonlocal received
            event = await receive()
            received += len(event.get("body", b""))
            if received > max_mib * MIB:
                raise RequestRejected("upload_too_large", message)
            return event

        return await self.app(scope, counting_receive, send)
