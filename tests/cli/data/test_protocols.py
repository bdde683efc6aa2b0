"""`unmask data protocols`."""

from typer.testing import CliRunner

from unmask.cli.app import app
from unmask.data.protocols.registry import PROTOCOLS


def test_every_data_set_is_printed_with_its_terms():
    result = CliRunner().invoke(app, ["data", "protocols"], env={"COLUMNS": "400"})
    assert result.exit_code == 0, result.output
    for name, record in PROTOCOLS.items():
        assert name in result.output
        assert record.licence in result.output
