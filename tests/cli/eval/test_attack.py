"""`unmask eval attack`."""

import json
from dataclasses import replace

import pytest
import torch
from typer.testing import CliRunner

from tests.factories import make_clip
from unmask.cli.app import app
from unmask.config import PreprocessingSettings, SpeechSettings
from unmask.data.manifest import write_manifest
from unmask.errors import DataError
from unmask.files import file_sha256
from unmask.models.bundle import load_bundle, save_bundle
from unmask.models.scoring_bundle import not_trained

SETTINGS = """
attacks:
  epsilons: [0.0, 0.05]
  targets: [frames]
  methods: [fgsm]
  transmitted: {enabled: true, attackers: [noise, transfer], jobs: 1}
phases: {1: {}}
profiles: {demo: {}}
"""


@pytest.fixture
def run(tmp_path, monkeypatch, bundle_folder):
    """Run the command in a folder with settings and a bundle."""
    (tmp_path / "params.yaml").write_text(SETTINGS)
    bundle = load_bundle(bundle_folder)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        torch.nn.init.normal_(bundle.first_member.head[-1].weight)  # scores differ between clips
    spec = PreprocessingSettings(speech=SpeechSettings(method="energy"))
    facts = {**bundle.provenance, not_trained("audio"): "no training clip has sound"}
    save_bundle(tmp_path / "bundle", replace(bundle, preprocessing=spec, provenance=facts))
    monkeypatch.chdir(tmp_path)
    return lambda *args: CliRunner().invoke(app, ["eval", "attack", "bundle", *map(str, args)])


def make_manifest(make_video, folder, split):
    clips = []
    for name, is_fake in (("a", False), ("b", True)):
        path = make_video(folder / f"{name}.mp4", seconds=0.4 + 0.2 * is_fake)
        fields = {"path": path, "sha256": file_sha256(path), "split": split, "identity": name}
        clips.append(make_clip(clip_id=name, fake_video=is_fake, **fields))
    return write_manifest(clips, folder / "manifest.csv")


def test_report_has_one_row_per_budget(run, make_video, tmp_path):
    result = run(make_manifest(make_video, tmp_path, "test"), "--json", "r.json")
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "r.json").read_text())
    rows = {row["epsilon"]: row for row in report["rows"] if row["view"] == "white_box"}
    assert (report["clips"], set(rows)) == (2, {0.0, 0.05})
    # a budget of 0 changes nothing, and the AUC of one genuine clip and one fake is 0 or 1
    assert (rows[0.0]["auc"], rows[0.0]["drop"]) == (report["clean_auc"], 0.0)
    assert report["clean_auc"] in (0.0, 1.0)
    assert rows[0.05]["auc"] <= report["clean_auc"]
    assert f"AUC without attack {report['clean_auc']:.3f}, 2 clips" in result.output
    assert "fgsm on frames, epsilon 0.05, white_box: AUC" in result.output
    sent = report["transmitted"]
    assert [(row["attacker"], row["clips"], row["fakes"]) for row in sent["rows"]] == [
        ("noise", 2, 1)
    ]
    printed = " ".join(result.output.split())
    assert "Perturbed by 8/255, then encoded as H.264" in printed
    assert "transfer was not measured: the detector has one member" in printed
    assert "audio is not trained: no training clip has sound" in result.output.splitlines()
    assert result.stdout.endswith("written: r.json\n")


def test_manifest_without_test_clips_is_refused(run, make_video, tmp_path):
    result = run(make_manifest(make_video, tmp_path, "train"), "--out", "r.json")
    assert isinstance(result.exception, DataError)
    assert "no clip is in split 'test'" in str(result.exception)
    assert not (tmp_path / "r.json").exists()
