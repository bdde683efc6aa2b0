"""Log records whose messages stay on one line, whatever a client sends."""

import logging
from typing import Any


class PrintableRecord(logging.LogRecord):
    """A record with control characters escaped, so that no client can write lines of the log."""

    def getMessage(self) -> str:  # noqa: N802 - overrides logging
        r"""Return the message as printable text; trailing newlines are dropped.

        Example:
            >>> PrintableRecord("a", 20, "a.py", 1, "GET %s", ("/a\x1bb",), None).getMessage()
            'GET /a\\x1bb'
        """
        message = super().getMessage().rstrip("\r\n")
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
