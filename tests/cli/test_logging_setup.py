import json
import logging

import pytest

from unmask.cli.logging_setup import configure_logging
from unmask.errors import ConfigError


@pytest.fixture(autouse=True)
def _restored():
    logger = logging.getLogger("unmask")
    before = logger.handlers, logger.level, logger.propagate
    yield
    logger.handlers, logger.level, logger.propagate = before


def test_away_from_a_terminal_each_record_is_one_json_object(capfd):
    configure_logging("info")
    logging.getLogger("unmask.somewhere").info("found %d faces", 3)
    row = json.loads(capfd.readouterr().err)
    assert (row["level"], row["logger"], row["message"]) == (
        "info",
        "unmask.somewhere",
        "found 3 faces",
    )


def test_an_error_keeps_its_traceback_inside_the_line(capfd):
    configure_logging("info")
    try:
        raise ValueError("broken")
    except ValueError:
        logging.getLogger("unmask").exception("failed")
    assert "ValueError: broken" in json.loads(capfd.readouterr().err)["error"]


def test_records_below_the_level_are_left_out(capfd):
    configure_logging("warning")
    logging.getLogger("unmask").info("quiet")
    assert capfd.readouterr().err == ""


def test_an_unknown_level_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="debug, info, warning or error"):
        configure_logging("loud")
