"""Log lines that a client cannot forge."""

import io
import logging

import pytest

from bento import log_records


@pytest.fixture
def log(monkeypatch):
    """A logger whose lines are collected; restores the factory of records."""
    factory = logging.getLogRecordFactory()
    log_records.install_printable_records()
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logger = logging.getLogger("test_log_records")
    logger.addHandler(handler)
    yield logger, stream
    logger.removeHandler(handler)
    logging.setLogRecordFactory(factory)


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/a\n2026-01-01 forged", "/a\\n2026-01-01 forged"),
        ("/a\r\nb", "/a\\r\\nb"),
        ("/\x1b[2J", "/\\x1b[2J"),
        ("/\u202egpj", "/\\u202egpj"),
        ("/\u2028x", "/\\u2028x"),
        ("/\udc80", "/\\udc80"),
        ("/plain – ü", "/plain – ü"),
    ],
)
def test_control_characters_of_a_request_are_escaped(log, path, shown):
    logger, stream = log
    logger.warning("GET %s", path)
    assert stream.getvalue() == f"WARNING GET {shown}\n"


def test_tracebacks_keep_their_lines(log):
    logger, stream = log
    try:
        raise ValueError("a\nb")
    except ValueError:
        logger.exception("failed\n")
    lines = stream.getvalue().splitlines()
    assert lines[0] == "ERROR failed"
    assert lines[1] == "Traceback (most recent call last):"
