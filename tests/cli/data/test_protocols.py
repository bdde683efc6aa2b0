"""`unmask data protocols`."""

from typer.testing import CliRunner

from unmask.cli.app import app
from unmask.data.protocols.registry import PROTOCOLS


def test_every_data_set_is_printed_with_its_terms_and_sources():
    result = CliRunner().invoke(app, ["data", "protocols"], env={"COLUMNS": "80"})
    assert result.exit_code == 0, result.output
    text = " ".join(result.output.split())
    for name, record in PROTOCOLS.items():
        assert name in text
        assert record.licence in text
        for source in record.sources:  # an address is longer than a line
            assert "".join(source.split()) in "".join(result.output.split())
    assert "…" not in text  # nothing is cut off
