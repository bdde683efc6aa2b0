"""A step that fails for a reason that the user can mend, by both entry points."""

import pytest

from steps.platforms.paths import TRACEBACKS

pytestmark = pytest.mark.slow


def test_a_known_error_in_a_step_is_one_line_and_its_traceback_is_in_a_file(
    platforms, monkeypatch, capsys, caplog
):
    from pipelines.__main__ import main

    TRACEBACKS.unlink(missing_ok=True)
    (platforms / "nothing").mkdir(exist_ok=True)
    monkeypatch.setattr("sys.argv", ["pipelines", "training", "--data", "nothing"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert f"Step ingest_data failed. Its traceback is in {TRACEBACKS}." in caplog.text
    assert "Traceback (most recent call last)" not in caplog.text
    assert "nothing: unknown data set layout" in capsys.readouterr().err.splitlines()[-1]
    assert "in _find_adapter" in TRACEBACKS.read_text()


def test_the_command_of_zenml_prints_no_traceback_of_a_known_error_either(platforms, caplog):
    from pipelines import training_pipeline

    (platforms / "nothing").mkdir(exist_ok=True)
    with pytest.raises(RuntimeError, match="ingest_data"):  # ZenML's own end of a failed run
        training_pipeline(data=("nothing",))
    assert "nothing: unknown data set layout" in caplog.text
    assert "Traceback (most recent call last)" not in caplog.text
