"""Tracebacks of failed steps: those of errors that state a remedy go to a file."""

import logging
import traceback

from steps.platforms.paths import TRACEBACKS
from unmask.errors import UnmaskError

# of ZenML; it prints the traceback of every failed step
ORCHESTRATOR_LOG = "zenml.orchestrators.local.local_orchestrator"


def shorten_known_errors() -> None:
    """Let ZenML print no traceback of an :class:`UnmaskError`; the line names the file with it."""
    logging.getLogger(ORCHESTRATOR_LOG).addFilter(move_traceback)


def move_traceback(record: logging.LogRecord) -> bool:
    """Append the traceback of an :class:`UnmaskError` to ``TRACEBACKS``, and log its place alone.

    Returns:
        True: the record is logged.
    """
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, UnmaskError):
        TRACEBACKS.parent.mkdir(parents=True, exist_ok=True)
        with TRACEBACKS.open("a", encoding="utf-8") as file:
            file.write(f"{record.getMessage()}\n{''.join(traceback.format_exception(error))}\n")
        record.msg = f"{record.getMessage()} Its traceback is in {TRACEBACKS}."
        record.args = record.exc_info = None
    return True
