import json
from dataclasses import replace

import pytest
import torch
from typer.testing import CliRunner

from tests.factories import make_clip
from unmask.cli.app import app
from unmask.config import PreprocessingSettings, SpeechSettings
from unmask.data.manifest import write_manifest
from unmask.files import file_sha256
from unmask.models.bundle import load_bundle, save_bundle
from unmask.models.detector import Detector


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *args: CliRunner().invoke(app, ["eval", "face-heads", *map(str, args)])


@pytest.fixture
def manifest(make_video, tmp_path):
    clips = []
    for split in ("train", "test"):
        path = make_video(tmp_path / f"{split}.mp4")
        facts = {"path": path, "sha256": file_sha256(path), "split": split, "identity": split}
        clips.append(make_clip(clip_id=split, **facts))
    return write_manifest(clips, tmp_path / "manifest.csv")


def test_both_heads_stand_beside_the_mean_predictor(run, manifest, bundle_folder, tmp_path):
    bundle = load_bundle(bundle_folder)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        detector = Detector(bundle.settings.replace(auxiliary=True))
    spec = PreprocessingSettings(speech=SpeechSettings(method="energy"))
    save_bundle(tmp_path / "b", replace(bundle, members=(detector,), preprocessing=spec))
    result = run("b", manifest, "--out", "errors.json")
    assert result.exit_code == 0, result.output
    assert "5 faces of split test" in result.output
    written = json.loads((tmp_path / "errors.json").read_text())
    # both videos show the same face, so the mean is hard to beat without training
    assert written["mean"]["landmarks_percent"] < 3 < written["heads"]["landmarks_percent"]
    assert f"{written['mean']['yaw_deg']:.2f}" in result.output


def test_a_bundle_without_heads_is_refused(run, manifest, bundle_folder):
    result = run(bundle_folder, manifest)
    assert "model.auxiliary" in str(result.exception)
