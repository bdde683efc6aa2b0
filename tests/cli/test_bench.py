"""`unmask bench` on a small detector and a short clip."""

import json

import pytest

from unmask.cli import app as cli
from unmask.cli import bench
from unmask.cli.options import Scope
from unmask.models.bundle import Bundle
from unmask.models.graphs.graph_bundle import GraphBundle
from unmask.models.graphs.loading import load_for_scoring

SMALL = (
    *("model.frame_backbone=resnet10t", "model.input_px=64", "model.frame_dim=64"),
    *("model.voice_backbone=tiny", "model.voice_frozen_layers=0", "model.voice_dim=32"),
)


@pytest.mark.slow
def test_the_table_and_the_json_give_every_stage(bundle_folder, tmp_path, monkeypatch, capsys):
    file = tmp_path / "new" / "bench.json"
    arguments = ["bench", "--seconds", "1", "--bundle", str(bundle_folder), "--json", str(file)]
    monkeypatch.setattr("sys.argv", ["unmask", *arguments])
    with pytest.raises(SystemExit) as exit_info:
        cli.main()
    assert not exit_info.value.code
    rows = json.loads(file.read_text())
    out = capsys.readouterr().out
    for stage in ("decode", "faces", "align", "flow", "speech", "frame_model", "voice_model"):
        assert stage in rows
    assert list(rows)[-2:] == ["rest", "analyze"]
    for stage, row in rows.items():
        assert set(row) == {"seconds", "real_time_factor", "peak_mib"}
        assert stage.replace("_", " ") in out
    assert rows["analyze"]["seconds"] > 0
    assert 50 < rows["analyze"]["peak_mib"] < 4000


@pytest.mark.parametrize(
    ("engine", "kind"), [("", GraphBundle), ("onnxruntime", GraphBundle), ("torch", Bundle)]
)
def test_the_untrained_detector_runs_as_a_packaged_one_unless_torch_is_named(
    tmp_path, monkeypatch, engine, kind
):
    monkeypatch.setenv("UNMASK_ENGINE", engine)
    bench._write_untrained(tmp_path / "untrained", Scope(1, "full", list(SMALL)))
    loaded = load_for_scoring(tmp_path / "untrained")
    assert isinstance(loaded, kind)
    assert (loaded.phase, loaded.settings.flow) == (1, True)
