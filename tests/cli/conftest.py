"""The command line, run in this process."""

import pytest

from unmask.cli import app
from unmask.cli.logging_setup import configure_logging


@pytest.fixture
def run_unmask(monkeypatch, capsys):
    """Yield a function that runs `unmask …` and returns exit code, output and errors."""

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["unmask", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_info:
            app.main()
        out, err = capsys.readouterr()
        return exit_info.value.code or 0, out, err

    yield run
    configure_logging("warning")
