import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from unmask.cli.app import app
from unmask.data.manifest import write_manifest
from unmask.errors import ConfigError
from unmask.files import file_sha256
from unmask.records import Clip

SETTINGS = """
codecs: {jobs: 1}
evaluation: {resamples: 20}
phases: {1: {}}
profiles: {full: {}}
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    (tmp_path / "params.yaml").write_text(SETTINGS)
    monkeypatch.chdir(tmp_path)
    return lambda *args: CliRunner().invoke(app, ["codecs", *map(str, args)])


@pytest.fixture
def manifest(film, tmp_path):
    path = film(tmp_path / "a.mp4", seconds=0.6)
    genuine = Clip(
        clip_id="a",
        path=path,
        sha256=file_sha256(path),
        source="toy",
        identity="a",
        split="test",
        is_fake=False,
        fake_video=False,
        fake_audio=False,
        manipulation="none",
        pair_id="a",
        duration_s=0.6,
        fps=25.0,
        width=320,
        height=240,
        has_audio=True,
        licence="",
    )
    other = film(tmp_path / "b.mp4", seconds=0.8)
    fake = replace(genuine, clip_id="b", path=other, sha256=file_sha256(other), identity="b")
    fake = replace(fake, is_fake=True, fake_video=True, manipulation="toy")
    return write_manifest([genuine, fake], tmp_path / "manifest.csv")


def test_a_table_of_cells_is_printed_and_written(run, manifest, bundle_folder, tmp_path):
    done = run(bundle_folder, manifest, "--cells", "aac:24,h264:30", "--out", "c.json")
    assert done.exit_code == 0, done.output
    found = json.loads((tmp_path / "c.json").read_text())
    assert [row["cell"] for row in found["rows"]] == ["aac:24", "h264:30"]
    assert found["clips"] == 2
    assert f"{found['rows'][1]['psnr_db']:.1f}" in done.output
    for name in ("original", "aac:24", "h264:30"):
        assert name in done.output


def test_an_unknown_cell_is_told_before_anything_is_done(run, manifest, bundle_folder, tmp_path):
    done = run(bundle_folder, manifest, "--cells", "theora:3")
    assert isinstance(done.exception, ConfigError)
    assert "theora:3" in str(done.exception)
    assert not (tmp_path / "data/cache").exists()
