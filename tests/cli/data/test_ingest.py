"""`unmask data ingest`."""

from dataclasses import replace
from hashlib import sha256

from typer.testing import CliRunner

from unmask.cli.app import app
from unmask.data.manifest import read_manifest, write_manifest

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


def test_several_folders_are_joined_in_one_manifest(footage, tmp_path):
    for name in ("first", "second"):
        clips = read_manifest_of(footage, tmp_path / f"{name}.csv", name)
        assert write_manifest(clips, tmp_path / name / "manifest.csv").is_file()
    result = ingest(tmp_path / "first", tmp_path / "second", tmp_path / "joined.csv")
    assert result.exit_code == 0, result.output
    assert f"{2 * CLIPS} clips of 2 data sets" in result.output
    joined = read_manifest(tmp_path / "joined.csv")
    of_source = {source: {c.split for c in joined if c.source == source} for source in SOURCES}
    assert all(len(splits) == 1 for splits in of_source.values())


SOURCES = [f"{name} {number}" for name in ("first", "second") for number in range(3)]


def read_manifest_of(footage, file, name):
    """Return the clips of a folder as those of three sources, of which none is in another set."""
    ingest(footage, file)
    return [
        replace(
            clip,
            source=f"{name} {number % 3}",
            identity=f"{name} {number % 3} {clip.identity}",
            pair_id=f"{name} {number}",
            sha256=sha256(f"{name} {number}".encode()).hexdigest(),
        )
        for number, clip in enumerate(read_manifest(file))
    ]
