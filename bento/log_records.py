"""Log records that stay on one line, whatever a client sends, and name the request."""

import logging
from contextvars import ContextVar
from typing import Any

_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)


def set_request_id(request_id: str | None) -> None:
    """Name the request that the present task handles."""
    _request_id.set(request_id)


def current_request_id() -> str | None:
    """Return the id of the request that the present task or its thread handles; None if none."""
    return _request_id.get()


class PrintableRecord(logging.LogRecord):
    """A record with control characters escaped, so that no client can write lines of the log.

    Attributes:
        request_id: Of the request in which the record was made; None elsewhere.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.request_id = current_request_id()

    def getMessage(self) -> str:  # noqa: N802 - overrides logging
        r"""Return the message as printable text with the request's id; drop trailing newlines.

        Example:
            >>> PrintableRecord("a", 20, "a.py", 1, "GET %s", ("/a\x1bb",), None).getMessage()
            'GET /a\\x1bb'
        """
        message = super().getMessage().rstrip("\r\n")
        if self.request_id is not None:
            message = f"{message} [request {self.request_id}]"
        if message.isprintable():
            return message
        return "".join(
            letter if letter.isprintable() else letter.encode("unicode_escape").decode()
            for letter in message
        )


def install_printable_records() -> None:
    """Let all loggers of this process make printable records."""

    def make(*arguments: Any, **options: Any) -> logging.LogRecord:
        return PrintableRecord(*arguments, **options)

    logging.setLogRecordFactory(make)
