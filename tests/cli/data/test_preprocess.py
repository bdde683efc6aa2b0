import json

import pytest


@pytest.fixture
def run():
    from typer.testing import CliRunner

    from unmask.cli.app import app

    def run(*arguments):
        chosen = ["--set", "preprocessing.speech.method=energy", "--jobs", "1"]
        return CliRunner().invoke(app, ["data", "preprocess", *map(str, arguments), *chosen])

    return run


def test_a_folder_is_prepared_and_reported(run, make_video, tmp_path):
    (tmp_path / "media").mkdir()
    make_video(tmp_path / "media" / "a.mp4")
    (tmp_path / "media" / "b.mp4").write_text("not a video")
    report = tmp_path / "out" / "report.json"
    done = run(tmp_path / "media", "--report", report, "--cache", tmp_path / "cache")
    assert done.exit_code == 0
    assert "1 of 2 files" in done.output
    assert "b.mp4: is not a readable media file" in done.output
    written = json.loads(report.read_text())
    assert written["total"]["frames_with_face"] == 5
    assert [file["error"] is None for file in written["files"]] == [True, False]


@pytest.mark.parametrize("column", ["path", "file"])
def test_a_manifest_names_files_beside_it(run, make_video, tmp_path, column):
    make_video(tmp_path / "a b.mp4")
    manifest = tmp_path / "manifest.csv"
    manifest.write_text(f"{column},label\na b.mp4,real\n")
    done = run(manifest, "--cache", tmp_path / "cache")
    assert "1 of 1 files" in done.output


@pytest.mark.parametrize(
    ("content", "message"), [("name\na.mp4\n", "column named path"), ("path\n", "row per clip")]
)
def test_a_manifest_without_files_is_refused(run, tmp_path, content, message):
    manifest = tmp_path / "manifest.csv"
    manifest.write_text(content)
    assert message in str(run(manifest).exception)


def test_a_missing_folder_is_refused(run, tmp_path):
    assert "does not exist" in str(run(tmp_path / "gone").exception)


def test_files_that_all_fail_are_an_error(run, tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"")
    done = run(tmp_path, "--cache", tmp_path / "cache")
    assert "none of 1 file(s)" in str(done.exception)
