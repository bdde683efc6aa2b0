"""`unmask eval evidence` on real files: printed tables and the JSON report."""

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from tests.factories import make_clip
from unmask.cli.app import app
from unmask.config import PreprocessingSettings, SpeechSettings
from unmask.data.manifest import write_manifest
from unmask.errors import DataError
from unmask.files import file_sha256
from unmask.models.bundle import load_bundle, save_bundle
from unmask.models.genuine_features import mean_genuine_map
from unmask.preprocessing.prepare import prepare_clip, to_model_inputs

pytest.importorskip("captum")
SPEC = PreprocessingSettings(speech=SpeechSettings(method="energy"))


@pytest.fixture
def manifest(make_video, tmp_path):
    """A genuine clip, and a "forged" copy that was stored turned and so differs a little."""
    clips = []
    for name, rotated in (("genuine", False), ("forged", True)):
        path = make_video(tmp_path / f"{name}.mp4", seconds=3.0, rotated=rotated)
        facts = {"path": path, "sha256": file_sha256(path), "pair_id": "take"}
        clips.append(make_clip(clip_id=name, identity=name, fake_video=rotated, **facts))
    return write_manifest(clips, tmp_path / "manifest.csv")


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "140")
    return lambda *args: CliRunner().invoke(app, ["eval", "evidence", *map(str, args)])


def test_tables_have_the_numbers_of_the_json_report(run, manifest, bundle_folder, tmp_path):
    bundle = replace(load_bundle(bundle_folder), preprocessing=SPEC)
    samples = to_model_inputs(prepare_clip(tmp_path / "genuine.mp4", SPEC))
    genuine = mean_genuine_map(bundle.first_member, samples)
    save_bundle(tmp_path / "b", replace(bundle, genuine_features=genuine))
    result = run("b", manifest, "--json", "evidence.json")
    assert result.exit_code == 0, result.output
    written = json.loads((tmp_path / "evidence.json").read_text())
    assert (written["split"], written["clips"]) == ("test", 2)
    rows = {row["name"]: row for row in written["faithfulness"]}
    assert "forged faces, against the genuine twin" in rows
    for row in rows.values():
        assert row["name"] in result.output
        assert f"{row['deletion']['value']:+.3f}" in result.output
    for part in written["pointing"]:
        assert 0 < part["random"]["value"] < part["best"]["value"] <= 1
        assert f"{part['hottest']['value']:.3f}" in result.output
    assert "rank correlation with the maps of random weights" in result.output


def test_bundle_without_genuine_features_is_refused(run, manifest, bundle_folder, tmp_path):
    save_bundle(tmp_path / "b", replace(load_bundle(bundle_folder), preprocessing=SPEC))
    result = run("b", manifest)
    assert isinstance(result.exception, DataError)
    assert "calibrate it again" in str(result.exception)
