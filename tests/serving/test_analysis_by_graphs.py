"""Verdicts by the graphs that a bundle carries."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter

import pytest

from unmask.errors import MissingExtraError
from unmask.files import file_sha256
from unmask.models.bundle import Bundle, load_bundle
from unmask.models.graphs.export import export_graphs
from unmask.optional_deps import require
from unmask.preprocessing.timing import StageTimer
from unmask.serving import evidence_renderer
from unmask.serving.analyzer import Analyzer
from unmask.serving.report_notes import NOT_DRAWN

HEAVY = ("torch", "transformers", "timm", "lightning", "captum", "scipy.optimize")
ANALYZE = f"""
import sys
from unmask.cli.app import app
app(sys.argv[1:], standalone_mode=False)
print([name for name in {HEAVY} if name in sys.modules])
"""


MAIN = "from unmask.cli.app import main; main()"


@pytest.fixture(scope="module")
def with_graphs(bundle_folder, tmp_path_factory):
    folder = shutil.copytree(bundle_folder, tmp_path_factory.mktemp("bundle") / "with-graphs")
    export_graphs(folder, load_bundle(folder))
    return folder


@pytest.fixture(scope="module")
def talking(make_video, tmp_path_factory):
    return make_video(tmp_path_factory.mktemp("video") / "talking.mp4", seconds=2.0)


def test_a_verdict_by_graphs_imports_no_torch(with_graphs, bundle_folder, talking, tmp_path):
    report = tmp_path / "report.json"
    arguments = ["analyze", str(talking), "--bundle", str(with_graphs), "--json", str(report)]
    environment = {name: value for name, value in os.environ.items() if name != "UNMASK_ENGINE"}
    process = subprocess.run(
        [sys.executable, "-c", ANALYZE, *arguments],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
    )
    assert process.returncode == 0, process.stderr
    assert process.stdout.splitlines()[-1] == "[]"
    by_graphs = json.loads(report.read_text())
    by_torch = Analyzer.load(bundle_folder).analyze(talking)
    assert by_graphs["verdict"] == by_torch.verdict
    assert by_graphs["fake_probability"] == pytest.approx(by_torch.fake_probability, abs=1e-3)
    assert by_graphs["modalities"]["video"] == pytest.approx(by_torch.modalities.video, abs=1e-3)
    assert by_graphs["modalities"]["audio"] == pytest.approx(by_torch.modalities.audio, abs=1e-3)


def test_evidence_is_drawn_with_the_weights_beside_the_graphs(with_graphs, talking, tmp_path):
    analyzer = Analyzer.load(with_graphs)
    assert not isinstance(analyzer.bundle, Bundle)
    timer = StageTimer()
    report = analyzer.analyze(talking, timer=timer, evidence_dir=tmp_path)
    assert {item.kind for item in report.evidence} == {"heat_map", "sound"}
    assert timer.seconds.keys() >= {"frame_model", "voice_model", "evidence"}
    expected = Analyzer(load_bundle(with_graphs)).analyze(talking, evidence_dir=tmp_path / "torch")
    # an untrained detector scores all frames alike: rounding decides which come first
    shown = Counter((item.kind, item.person) for item in report.evidence)
    assert shown == Counter((item.kind, item.person) for item in expected.evidence)


def test_without_torch_a_note_says_why_there_is_no_evidence(
    with_graphs, talking, tmp_path, monkeypatch
):
    def require_but_torch(module, extra):
        if module == "torch":
            raise MissingExtraError(f"torch is missing; install unmask[{extra}]")
        return require(module, extra)

    monkeypatch.setattr(evidence_renderer, "require", require_but_torch)
    analyzer = Analyzer.load(with_graphs)
    with pytest.raises(MissingExtraError, match="torch is missing"):
        analyzer.prepare_evidence()
    report = analyzer.analyze(talking, evidence_dir=tmp_path)
    assert report.fake_probability is not None
    assert (report.evidence, list(tmp_path.iterdir())) == ((), [])
    assert f"{NOT_DRAWN} (torch is missing; install unmask[explain])." in report.notes
    assert not any(note.startswith(NOT_DRAWN) for note in analyzer.analyze(talking).notes)


@pytest.mark.parametrize("missing", [(), ("torch", "captum")])
def test_packages_that_evidence_lacks_are_named(monkeypatch, missing):
    installed = {"torch", "timm", "transformers", "captum"} - set(missing)
    monkeypatch.setattr(
        evidence_renderer, "find_spec", lambda name: name if name in installed else None
    )
    assert evidence_renderer.missing_packages() == missing


def test_each_of_many_videos_has_the_scores_that_it_has_alone(with_graphs, make_video, tmp_path):
    videos = [make_video(tmp_path / f"{name}.mp4", seconds=1.0) for name in "ab"]
    videos[1].write_bytes(b"no video")
    command = [sys.executable, "-c", MAIN, "analyze", str(tmp_path), "--workers", "2"]
    command += ["--bundle", str(with_graphs), "--out", str(tmp_path / "r.jsonl")]
    process = subprocess.run(command, check=False, capture_output=True, text=True)
    assert process.returncode == 3, process.stderr
    rows = map(json.loads, (tmp_path / "r.jsonl").read_text().splitlines())
    row, broken = sorted(rows, key=lambda item: item["path"])
    report = Analyzer.load(with_graphs).analyze(videos[0])
    assert row["sha256"] == report.media.sha256 == file_sha256(videos[0])
    assert (row["verdict"], row["duration_s"]) == (report.verdict, report.media.duration_s)
    assert row["fake_probability"] == pytest.approx(report.fake_probability, abs=1e-6)
    assert row["audio_probability"] == pytest.approx(report.modalities.audio, abs=1e-6)
    assert row["detector"] == file_sha256(with_graphs / "bundle.json")
    assert (broken["verdict"], broken["error"]) == (None, "media")
    assert broken["sha256"] == file_sha256(videos[1])
    assert "is not a readable media file" in broken["message"]
