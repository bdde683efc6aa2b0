"""The example prints the verdict of the library, and one line for a file that it cannot read."""

import subprocess
import sys
from pathlib import Path

from unmask.serving.analyzer import Analyzer

SCRIPT = Path(__file__).resolve().parents[2] / "examples/analyze_video.py"


def run(*arguments):
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_it_prints_what_the_library_reports(make_video, bundle_folder, tmp_path):
    clip = make_video(tmp_path / "talking.mp4")
    report = Analyzer.load(bundle_folder).analyze(clip)
    result = run(clip, bundle_folder)
    assert result.returncode == 0, result.stderr
    verdict, *rest = result.stdout.splitlines()
    assert verdict == f"{report.verdict}: fake probability {report.fake_probability:.2f}"
    assert rest[len(report.segments) :] == [f"  note: {note}" for note in report.notes]


def test_a_file_that_is_no_video_is_refused_in_one_line(bundle_folder, tmp_path):
    clip = tmp_path / "notes.txt"
    clip.write_text("no video")
    result = run(clip, bundle_folder)
    assert result.returncode == 2
    assert str(clip) in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_without_a_file_it_explains_itself():
    result = run()
    assert result.returncode == 1
    assert "CLIP" in result.stderr
