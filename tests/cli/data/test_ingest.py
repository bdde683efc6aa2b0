"""`unmask data ingest`."""

from typer.testing import CliRunner

from unmask.cli.app import app
from unmask.data.manifest import read_manifest

CLIPS = 18


def ingest(*arguments):
    return CliRunner().invoke(app, ["data", "ingest", *map(str, arguments)])


def test_a_manifest_is_written_and_a_broken_file_is_skipped(footage, tmp_path):
    (footage / "real" / "p0" / "broken.mp4").write_bytes(b"")
    result = ingest(footage, tmp_path / "manifest.csv")
    (footage / "real" / "p0" / "broken.mp4").unlink()
    assert result.exit_code == 0, result.output
    assert "18 clips" in result.output
    assert "1 skipped" in result.output
    assert "broken.mp4: is empty" in result.stderr
    assert len(read_manifest(tmp_path / "manifest.csv")) == CLIPS
