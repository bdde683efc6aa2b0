"""`unmask eval score`."""

from dataclasses import replace

import pytest
from typer.testing import CliRunner

from tests.factories import make_clip
from unmask.cli.app import app
from unmask.config import PreprocessingSettings, SpeechSettings
from unmask.data.manifest import read_manifest, write_manifest
from unmask.errors import DataError
from unmask.evaluation.serialization import read_scores
from unmask.files import file_sha256
from unmask.models.bundle import load_bundle, save_bundle
from unmask.training.score_clips import score_split


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *args: CliRunner().invoke(app, ["eval", "score", *map(str, args)])


@pytest.fixture
def bundle(bundle_folder, tmp_path):
    spec = PreprocessingSettings(speech=SpeechSettings(method="energy"))
    return save_bundle(tmp_path / "bundle", replace(load_bundle(bundle_folder), preprocessing=spec))


@pytest.fixture
def manifest(make_video, tmp_path):
    clips = []
    for split in ("train", "test"):
        path = make_video(tmp_path / f"{split}.mp4", seconds=0.4)
        fields = {"path": path, "sha256": file_sha256(path), "split": split, "identity": split}
        clips.append(make_clip(clip_id=split, **fields))
    return write_manifest(clips, tmp_path / "manifest.csv")


@pytest.mark.parametrize("name", ["scores.csv", "scores.json"])
def test_scores_of_the_split_are_those_of_the_library(run, bundle, manifest, tmp_path, name):
    result = run("bundle", manifest, "--split", "train", "--out", name)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"1 clips scored; written: {name}\n"
    (row,) = read_scores(tmp_path / name)
    (expected,) = score_split(tmp_path / "bundle", read_manifest(manifest), "train", None)
    assert (row.clip_id, row.split, row.is_fake) == ("train", "train", False)
    assert row.logit == pytest.approx(expected.logit, abs=1e-5)


def test_empty_split_is_named_and_nothing_is_written(run, bundle, manifest, tmp_path):
    result = run("bundle", manifest, "--split", "val", "--out", "scores.csv")
    assert isinstance(result.exception, DataError)
    assert "no clip is in split 'val'" in str(result.exception)
    assert not (tmp_path / "scores.csv").exists()
