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


def test_a_set_that_is_only_tested_has_no_other_split(footage, tmp_path):
    result = ingest(footage, tmp_path / "manifest.csv", "--role", "test")
    assert "18 clips (0 train, 0 val, 18 test)" in result.output
    assert {clip.split for clip in read_manifest(tmp_path / "manifest.csv")} == {"test"}
