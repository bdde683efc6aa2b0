"""Plain lines or JSON on standard error, never both."""

import json
import logging
import warnings

import pytest
from rich.console import Console

from unmask import messages, progress_bar
from unmask.cli.logging_setup import configure_logging
from unmask.errors import ConfigError


@pytest.fixture(autouse=True)
def _restored():
    loggers = logging.getLogger("unmask"), logging.getLogger()
    before = [(each, each.handlers, each.level, each.propagate) for each in loggers]
    yield
    configure_logging("warning")
    for each, handlers, level, propagate in before:
        each.handlers, each.propagate = handlers, propagate
        each.setLevel(level)


def test_away_from_a_terminal_the_log_is_plain_lines_beside_plain_messages(capfd):
    configure_logging("info")
    logging.getLogger("unmask.somewhere").info("found %d faces", 3)
    messages.write("left out: b.mp4")
    assert capfd.readouterr().err.splitlines() == [
        "info: unmask.somewhere: found 3 faces",
        "left out: b.mp4",
    ]


def test_json_is_all_of_standard_error(capfd, monkeypatch):
    monkeypatch.setattr(progress_bar, "EVERY_S", 0.0)
    configure_logging("info", "json")
    logging.getLogger("unmask.somewhere").info("found %d faces", 3)
    logging.getLogger("another.package").warning("deprecated")
    messages.write("left out: b.mp4")
    messages.write_error("failed: c.mp4")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    list(progress_bar.track([1], "clips"))
    rows = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [(row["level"], row["logger"]) for row in rows] == [
        ("info", "unmask.somewhere"),
        ("warning", "another.package"),
        ("info", "unmask.messages"),
        ("error", "unmask.messages"),
        ("warning", "py.warnings"),
        ("info", "unmask.messages"),
    ]
    assert [row["message"] for row in rows][2:4] == ["left out: b.mp4", "failed: c.mp4"]
    assert rows[-1]["message"] == "clips: 1 of 1"


def test_a_bar_is_not_drawn_among_json_lines(capfd, monkeypatch):
    monkeypatch.setattr(
        progress_bar, "Console", lambda stderr: Console(stderr=stderr, force_terminal=True)
    )
    configure_logging("info", "json")
    assert list(progress_bar.track([1, 2], "clips")) == [1, 2]
    assert capfd.readouterr().err == ""


def test_messages_are_shown_at_any_level_of_the_log(capfd):
    configure_logging("error")
    messages.write("skipped: a.mp4")
    assert capfd.readouterr().err == "skipped: a.mp4\n"


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_an_error_keeps_its_traceback(capfd, log_format):
    configure_logging("info", log_format)
    try:
        raise ValueError("broken")
    except ValueError:
        logging.getLogger("unmask").exception("failed")
    err = capfd.readouterr().err
    assert "ValueError: broken" in (json.loads(err)["error"] if log_format == "json" else err)


def test_records_below_the_level_are_left_out(capfd):
    configure_logging("warning")
    logging.getLogger("unmask").info("quiet")
    assert capfd.readouterr().err == ""


def test_an_unknown_level_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="debug, info, warning or error"):
        configure_logging("loud")


def test_an_unknown_format_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="text or json"):
        configure_logging("info", "xml")
