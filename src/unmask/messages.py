"""Messages to the user on standard error: plain lines, or records like those of the log.

They are no log: they are written at any level of the log, and in a program that has not set one up.
"""

import logging
import sys
from typing import TextIO


class _StderrHandler(logging.StreamHandler[TextIO]):
    """Handler that writes to whatever standard error is at the moment."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        """Standard error."""
        return sys.stderr


_handler = _StderrHandler()
_logger = logging.getLogger("unmask.messages")
_logger.addHandler(_handler)
_logger.setLevel(logging.INFO)
_logger.propagate = False


def write(message: str) -> None:
    """Write a message."""
    _logger.info("%s", message)


def write_error(message: str) -> None:
    """Write a message that says why something failed."""
    _logger.error("%s", message)


def set_format(formatter: logging.Formatter | None) -> None:
    """Format messages by ``formatter``; as plain lines if it is ``None``."""
    _handler.setFormatter(formatter)


def is_plain() -> bool:
    """Return whether messages are plain lines, beside which a progress bar may be drawn."""
    return _handler.formatter is None
