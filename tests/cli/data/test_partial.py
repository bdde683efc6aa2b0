"""`unmask data partial`."""

import json

from typer.testing import CliRunner

from unmask.cli.app import app
from unmask.data.demo.partial import PartialPlan


def test_the_people_of_the_named_splits_are_recorded(tmp_path, monkeypatch):
    plans = [
        PartialPlan(0, number, 9, split, 3.0, 0.4, "self-blend", None)
        for number, split in enumerate(("train", "val", "test"))
    ]
    monkeypatch.setattr("unmask.data.demo.partial.plan_recordings", lambda clips, seed: plans)
    (tmp_path / "demo.json").write_text(json.dumps({"clips": 240, "seed": 7}))
    out = tmp_path / "out"
    args = ["data", "partial", str(out), "--demo", str(tmp_path), "--splits", "val", "--jobs", "1"]
    result = CliRunner().invoke(app, args)
    assert result.exit_code == 0, result.output
    assert "2 clips of 1 people, 0.1 minutes" in result.output
    assert {path.name for path in (out / "clips").iterdir()} == {
        "person-01-0-genuine.mp4",
        "person-01-0-forged.mp4",
    }
