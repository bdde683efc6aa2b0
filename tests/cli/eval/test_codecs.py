import json
import shutil
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from tests.factories import make_clip
from unmask.cli.app import app
from unmask.data.manifest import write_manifest
from unmask.errors import BundleError, ConfigError
from unmask.files import file_sha256
from unmask.models.bundle import load_bundle, save_bundle
from unmask.models.scoring_bundle import not_trained

SETTINGS = """
codecs: {jobs: 1}
evaluation: {resamples: 20}
phases: {1: {}}
profiles: {demo: {}}
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    (tmp_path / "params.yaml").write_text(SETTINGS)
    monkeypatch.chdir(tmp_path)
    return lambda *args: CliRunner().invoke(app, ["eval", "codecs", *map(str, args)])


@pytest.fixture
def manifest(make_video, tmp_path):
    path = make_video(tmp_path / "a.mp4", seconds=0.6)
    genuine = make_clip(clip_id="a", path=path, sha256=file_sha256(path), identity="a")
    other = make_video(tmp_path / "b.mp4", seconds=0.8)
    fake = replace(genuine, clip_id="b", path=other, sha256=file_sha256(other), identity="b")
    fake = replace(fake, is_fake=True, fake_video=True, manipulation="toy")
    return write_manifest([genuine, fake], tmp_path / "manifest.csv")


def test_a_table_of_conditions_is_printed_and_written(run, manifest, bundle_folder, tmp_path):
    result = run(bundle_folder, manifest, "--cells", "aac:24,h264:30", "--json", "c.json")
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "c.json").read_text())
    assert [row["cell"] for row in report["rows"]] == ["aac:24", "h264:30"]
    assert report["clips"] == 2
    assert f"{report['rows'][1]['psnr_db']:.1f}" in result.output
    for name in ("original", "aac:24", "h264:30"):
        assert name in result.output


def test_without_the_option_the_conditions_of_the_settings_are_measured(
    run, manifest, bundle_folder, tmp_path
):
    params = tmp_path / "params.yaml"
    for stated, measured in (("", ["h264:23", "h265:28"]), ("'aac:24'", ["aac:24"])):
        params.write_text(SETTINGS.replace("jobs: 1", f"jobs: 1, cells: [{stated}]"))
        assert run(bundle_folder, manifest, "--out", "c.json").exit_code == 0
        report = json.loads((tmp_path / "c.json").read_text())
        assert [row["cell"] for row in report["rows"]] == measured


def test_an_unknown_condition_is_refused_before_anything_is_encoded(
    run, manifest, bundle_folder, tmp_path
):
    result = run(bundle_folder, manifest, "--cells", "theora:3")
    assert isinstance(result.exception, ConfigError)
    assert "theora:3" in str(result.exception)
    assert not (tmp_path / "data/cache").exists()


def test_the_parts_of_several_data_sets_are_listed(run, make_video, bundle_folder, tmp_path):
    clips = []
    for number, (source, kind) in enumerate([("a", "none"), ("a", "swap"), ("b", "swap")]):
        path = make_video(tmp_path / f"{number}.mp4", seconds=0.6 + number / 10)
        facts = {"source": source, "manipulation": kind, "fake_video": kind != "none"}
        facts |= {"path": path, "sha256": file_sha256(path), "identity": str(number)}
        clips.append(make_clip(clip_id=str(number), **facts))
    result = run(bundle_folder, write_manifest(clips, tmp_path / "m.csv"), "--cells", "aac:24")
    assert result.exit_code == 0, result.output
    assert "source a (1 fake + 1 genuine): too few clips, a row takes 5 of each" in result.output
    assert "source b (1 fake + 0 genuine): no genuine clips" in result.output


def test_a_set_for_testing_alone_is_named(run, bundle_folder, tmp_path, make_video):
    path = make_video(tmp_path / "a.mp4", seconds=0.6)
    clips = [
        make_clip(
            clip_id=f"{source}{split}{fake}",
            path=path,
            sha256=file_sha256(path),
            source=source,
            split=split,
            fake_video=fake,
            identity=f"{source}{split}{fake}",
        )
        for source, split in (("ffpp", "train"), ("ffpp", "test"), ("celebdf", "test"))
        for fake in (False, True)
    ]
    manifest = write_manifest(clips, tmp_path / "manifest.csv")
    result = run(bundle_folder, manifest, "--cells", "h264:30", "--out", "c.json")
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "c.json").read_text())["left_out"] == ["celebdf"]
    assert "not in this report: celebdf, which has no training clips" in result.output


def test_skipped_conditions_and_components_that_are_not_trained_are_named(
    run, bundle_folder, tmp_path, make_video
):
    clips = []
    for number, fake in enumerate((False, True)):
        path = make_video(tmp_path / f"{number}.mp4", seconds=0.6 + number / 10, audio=False)
        facts = {"path": path, "sha256": file_sha256(path), "identity": str(number)}
        clips.append(make_clip(clip_id=str(number), fake_video=fake, has_audio=False, **facts))
    bundle = load_bundle(bundle_folder)
    reasons = {**bundle.provenance, not_trained("audio"): "no training clip has sound"}
    save_bundle(tmp_path / "silent", replace(bundle, provenance=reasons))
    manifest = write_manifest(clips, tmp_path / "m.csv")
    lines = run("silent", manifest, "--cells", "aac:24,h264:30").output.splitlines()
    assert "audio is not trained: no training clip has sound" in lines
    assert any(line.startswith("codecs skipped: aac:24 ") for line in lines)


def test_verdicts_are_kept_in_a_promoted_bundle(run, manifest, bundle_folder, tmp_path):
    promoted = tmp_path / "promoted"
    shutil.copytree(bundle_folder, promoted)
    (promoted / "gates.json").write_text(json.dumps({"rows": [], "notes": ["a note"]}))
    result = run(promoted, manifest, "--cells", "h264:30", "--keep")
    assert result.exit_code == 0, result.output
    assert "Verdicts, by the rules of serving" in result.output
    content = json.loads((promoted / "gates.json").read_text())
    assert content["notes"] == ["a note"]
    loaded = load_bundle(promoted)
    assert [each["condition"] for each in loaded.conditions] == ["original", "h264:30"]
    assert loaded.conditions[1]["facts"]["bits_per_pixel"] > 0


def test_nothing_is_measured_for_a_bundle_that_cannot_keep_it(run, manifest, bundle_folder):
    result = run(bundle_folder, manifest, "--cells", "h264:30", "--keep")
    assert isinstance(result.exception, BundleError)
