import json
from dataclasses import replace

import pytest
import torch
from typer.testing import CliRunner

from unmask.cli.app import app
from unmask.config import PreprocessingSettings, SpeechSettings
from unmask.models.bundle import load_bundle, save_bundle
from unmask.models.detector import Detector


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *args: CliRunner().invoke(app, ["auxiliary", *map(str, args)])


@pytest.fixture
def manifest(film, tmp_path):
    from unmask.data.manifest import write_manifest
    from unmask.files import file_sha256
    from unmask.records import Clip

    clips = []
    for split in ("train", "test"):
        path = film(tmp_path / f"{split}.mp4")
        labels = {"is_fake": False, "fake_video": False, "fake_audio": False}
        shape = {"duration_s": 1.0, "fps": 25.0, "width": 320, "height": 240, "has_audio": True}
        clips.append(
            Clip(
                clip_id=split,
                path=path,
                sha256=file_sha256(path),
                source="toy",
                identity=split,
                split=split,
                manipulation="none",
                pair_id=split,
                licence="",
                **labels,
                **shape,
            )
        )
    return write_manifest(clips, tmp_path / "manifest.csv")


def test_both_heads_stand_beside_the_mean_predictor(run, manifest, bundle_folder, tmp_path):
    bundle = load_bundle(bundle_folder)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        detector = Detector(bundle.settings.replace(auxiliary=True))
    spec = PreprocessingSettings(speech=SpeechSettings(method="energy"))
    save_bundle(tmp_path / "b", replace(bundle, members=(detector,), preprocessing=spec))
    done = run("b", manifest, "--out", "errors.json")
    assert done.exit_code == 0, done.output
    assert "5 faces of split test" in done.output
    written = json.loads((tmp_path / "errors.json").read_text())
    # one film is the other, so its mean is hard to beat without any training
    assert written["mean"]["landmarks_percent"] < 3 < written["heads"]["landmarks_percent"]
    assert f"{written['mean']['yaw_deg']:.2f}" in done.output


def test_a_bundle_without_heads_is_told_so(run, manifest, bundle_folder):
    done = run(bundle_folder, manifest)
    assert "model.auxiliary" in str(done.exception)
