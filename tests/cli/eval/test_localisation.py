import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.factories import make_clip
from unmask.cli.app import app
from unmask.data.manifest import write_manifest
from unmask.errors import DataError
from unmask.files import file_sha256
from unmask.records import FakeSpan


@pytest.fixture
def run(tmp_path, monkeypatch, bundle_folder):
    monkeypatch.chdir(tmp_path)
    return lambda *args: CliRunner().invoke(
        app, ["eval", "localisation", str(bundle_folder), *map(str, args)]
    )


@pytest.fixture
def write_clips(make_video, tmp_path):
    """Write a manifest of a genuine and a fake clip of each of two people."""

    def write(*spans):
        clips = []
        for person in ("ann", "bob"):
            for kind in ("genuine", "fake"):
                name = f"{person}-{kind}"
                path = make_video(tmp_path / f"{name}.mp4")
                facts = {"path": path, "sha256": file_sha256(path), "identity": person}
                if kind == "fake" and spans:
                    facts |= {"fake_video": True, "fake_periods": spans}
                clips.append(make_clip(clip_id=name, pair_id=person, **facts))
        return write_manifest(clips, tmp_path / "manifest.csv")

    return write


def test_segments_are_measured_and_written(run, write_clips):
    result = run(write_clips(FakeSpan(0.2, 0.6, "video")), "--json", "l.json", "--resamples", 20)
    assert result.exit_code == 0, result.output
    report = json.loads(Path("l.json").read_text())
    assert {(row["modality"], row["truths"]) for row in report["rows"]} == {
        ("video", 2),
        ("either", 2),
    }
    # both people are shown by the same video, forged or not
    assert report["by_clip_length"][0]["auc"]["value"] == 0.5
    assert "under 16 s" in result.output
    assert "…" not in result.output  # in 80 columns
    assert "0.500 (0.500–0.500)" in result.output


def test_sequences_are_spliced_from_the_clips_of_a_manifest(run, make_video, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "unmask.training.localisation.spliced_sequences.SEQUENCES_S", ((4.0, 0.4), (20.0, 0.4))
    )
    clips = []
    for person in ("ann", "bob"):
        for kind in ("genuine", "fake"):
            name = f"{person}-{kind}"
            path = make_video(tmp_path / f"{name}.mp4")
            facts = {"path": path, "sha256": file_sha256(path), "identity": person}
            facts["fake_video"] = kind == "fake"
            clips.append(make_clip(clip_id=name, pair_id=person, **facts))
    result = run(write_manifest(clips, tmp_path / "manifest.csv"), "--spliced", "--json", "l.json")
    assert result.exit_code == 0, result.output
    report = json.loads(Path("l.json").read_text())
    assert {(row["modality"], row["clips"], row["truths"]) for row in report["rows"]} == {
        ("video", 8, 4),
        ("either", 8, 4),
    }
    assert [(part["clips"], part["fakes"]) for part in report["by_clip_length"]] == [
        (4, 2),
        (4, 2),
        (0, 0),
        (0, 0),
    ]


def test_clips_without_a_forged_segment_are_refused(run, write_clips):
    result = run(write_clips(), "--resamples", 20)
    assert isinstance(result.exception, DataError)
    assert "give clips with fake_periods" in str(result.exception)
