import json
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def run(tmp_path, monkeypatch):
    from typer.testing import CliRunner

    from unmask.cli.app import app

    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        options = ["--set", "preprocessing.speech.method=energy", "--jobs", "1"]
        return CliRunner().invoke(app, ["data", "preprocess", *map(str, arguments), *options])

    return run


def test_a_folder_is_prepared_and_reported(run, make_video, tmp_path):
    (tmp_path / "media").mkdir()
    make_video(tmp_path / "media" / "a.mp4")
    (tmp_path / "media" / "b.mp4").write_text("not a video")
    report = tmp_path / "out" / "report.json"
    result = run(tmp_path / "media", "--json", report)
    assert result.exit_code == 0
    assert "1 of 2 files" in result.output
    assert "b.mp4: is not a readable media file" in result.output
    written = json.loads(report.read_text())
    assert written["total"]["frames_with_face"] == 5
    assert [file["error"] is None for file in written["files"]] == [True, False]


@pytest.mark.parametrize("column", ["path", "file"])
def test_a_manifest_names_files_beside_it(run, make_video, tmp_path, column):
    make_video(tmp_path / "a b.mp4")
    manifest = tmp_path / "manifest.csv"
    manifest.write_text(f"{column},label\na b.mp4,real\n")
    result = run(manifest)
    assert "1 of 1 files" in result.output


@pytest.mark.parametrize(
    ("content", "message"), [("name\na.mp4\n", "column named path"), ("path\n", "row per clip")]
)
def test_a_manifest_without_files_is_refused(run, tmp_path, content, message):
    manifest = tmp_path / "manifest.csv"
    manifest.write_text(content)
    assert message in str(run(manifest).exception)


def test_what_a_phase_needs_is_prepared(run, make_video, tmp_path):
    make_video(tmp_path / "a.mp4")
    stages = []
    for phase, profile in ((1, "demo"), (3, "demo"), (3, "full")):
        shutil.rmtree(tmp_path / "data", ignore_errors=True)
        assert run(tmp_path, "--phase", phase, "--profile", profile).exit_code == 0
        stages.append({path.name for path in (tmp_path / "data/cache").iterdir()})
    assert stages[0] < stages[1] < stages[2]


def test_a_missing_folder_is_refused(run, tmp_path):
    assert "does not exist" in str(run(tmp_path / "gone").exception)


def test_files_that_all_fail_are_an_error(run, tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"")
    result = run(tmp_path)
    assert "none of 1 file(s)" in str(result.exception)
