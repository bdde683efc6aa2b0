"""`unmask data demo`."""

from typer.testing import CliRunner

from unmask.cli.app import app
from unmask.errors import DataError


def test_a_set_too_small_for_three_splits_is_refused(tmp_path):
    out = tmp_path / "demo"
    result = CliRunner().invoke(app, ["data", "demo", str(out), "--clips", "6"])
    assert isinstance(result.exception, DataError)
    assert "--clips 6: use an even number of at least 20" in str(result.exception)
    assert not out.exists()
