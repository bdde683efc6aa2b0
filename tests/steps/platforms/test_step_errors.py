import logging
import sys

import pytest

from steps.platforms import step_errors
from unmask.errors import DataError


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setattr(step_errors, "TRACEBACKS", tmp_path / "outputs/failed_steps.log")
    return step_errors.TRACEBACKS


def make_record(error):
    try:
        raise error
    except type(error):
        args = ("ingest_data",)
        return logging.LogRecord(
            "zenml", logging.ERROR, __file__, 1, "Step %s failed.", args, sys.exc_info()
        )


def test_the_traceback_of_a_known_error_is_moved_to_the_file(file):
    for reason in ("no clips; add some", "no sound; add some"):
        record = make_record(DataError(reason))
        assert step_errors.move_traceback(record)
        line = logging.Formatter().format(record)
        assert line == f"Step ingest_data failed. Its traceback is in {file}."
    text = file.read_text()
    assert text.count("Traceback (most recent call last)") == 2
    assert "Step ingest_data failed.\nTraceback" in text
    assert "DataError: no clips; add some" in text
    assert "DataError: no sound; add some" in text


def test_any_other_error_keeps_its_traceback(file):
    record = make_record(KeyError("x"))
    assert step_errors.move_traceback(record)
    assert "Traceback" in logging.Formatter().format(record)
    assert not file.exists()


def test_a_record_without_an_error_stays(file):
    record = logging.LogRecord("zenml", logging.INFO, __file__, 1, "started", (), None)
    assert step_errors.move_traceback(record)
    assert record.getMessage() == "started"
