"""Logging: plain lines (Rich on a terminal), or one JSON object for each line."""

import json
import logging
import sys

from unmask import messages
from unmask.errors import ConfigError

FORMATS = ("text", "json")


class JsonFormatter(logging.Formatter):
    """One JSON object per record: time, level, logger, message."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        row = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            row["error"] = self.formatException(record.exc_info)
        return json.dumps(row, ensure_ascii=False)


class TextFormatter(logging.Formatter):
    """One line per record: level, logger, message."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a line, with the traceback below it."""
        return f"{record.levelname.lower()}: {record.name}: {super().format(record)}"


def configure_logging(level: str, log_format: str = "text") -> None:
    """Log records of this project at ``level`` and above to standard error.

    With ``json`` all of standard error is JSON: the log, messages and progress, Python's warnings,
    and the warnings of other packages.

    Raises:
        ConfigError: The level or the format is unknown.
    """
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise ConfigError(f"--log-level {level}: use debug, info, warning or error")
    if log_format not in FORMATS:
        raise ConfigError(f"--log-format {log_format}: use {' or '.join(FORMATS)}")
    is_json = log_format == "json"
    messages.set_format(JsonFormatter() if is_json else None)
    logging.captureWarnings(is_json)
    handler = _json_handler() if is_json else _text_handler()
    logger = logging.getLogger("unmask")
    logger.handlers = [handler]
    logger.setLevel(number)
    logger.propagate = False
    if is_json:
        logging.getLogger().handlers = [handler]


def _json_handler() -> logging.Handler:
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    return handler


def _text_handler() -> logging.Handler:
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.logging import RichHandler

        return RichHandler(console=Console(stderr=True), show_path=False)
    handler = logging.StreamHandler()
    handler.setFormatter(TextFormatter())
    return handler
