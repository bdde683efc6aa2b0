"""The same chain as plain commands, as dvc.yaml runs them."""

import json
import re
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

ROOT = Path(__file__).resolve().parents[2]


def stages():
    return yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]


def invoke(*words):
    from unmask.cli.app import app

    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


@pytest.mark.slow
def test_the_commands_lead_from_a_manifest_to_gates(platforms, footage):
    out = platforms / "outputs/dvc"
    profile = ("--profile", "full")
    invoke("train", footage, "--out", out / "uncalibrated", *profile)
    invoke("calibrate", out / "uncalibrated", footage, "--out", out / "bundle", *profile)
    before = json.loads((out / "uncalibrated/bundle.json").read_text())["calibration"]
    after = json.loads((out / "bundle/bundle.json").read_text())["calibration"]
    assert before["temperature"] == 1.0 != after["temperature"]
    assert after["real_below"] <= after["fake_above"]
    scored = invoke("score", out / "bundle", footage, "--out", out / "scores.csv")
    assert "4 clips scored" in scored.output
    invoke("evaluate", out / "scores.csv", "--out", out / "evaluation", *profile)
    attacked = invoke("attack", out / "bundle", footage, "--out", out / "attack.json", *profile)
    assert "frames, epsilon 0.05" in attacked.output
    held = invoke(
        "gate", out / "evaluation/metrics.json", "--robustness", out / "attack.json", *profile
    )
    assert held.exit_code == 0
    # checkpoints of a finished fit do not wait for other code
    assert list((out / "runs").iterdir()) == []


def test_each_stage_of_dvc_calls_a_command_and_depends_on_what_is_there():
    from unmask.cli.app import COMMANDS

    found = stages()
    assert list(found) == [
        "validate",
        "preprocess",
        "train",
        "calibrate",
        "score",
        "evaluate",
        "attack",
        "codecs",
        "gate",
    ]
    for name, stage in found.items():
        assert re.match(rf"\.venv/bin/unmask {name} ", stage["cmd"])
        assert name in COMMANDS
        for path in stage["deps"]:
            assert path.startswith(("outputs/dvc/", "data/raw")) or (ROOT / path).exists(), path
        for key in stage.get("params", []):
            block = yaml.safe_load((ROOT / "params.yaml").read_text())
            for part in key.split("."):
                block = block[part]


def test_every_file_a_stage_reads_is_written_by_an_earlier_one():
    made = set()
    for stage in stages().values():
        asked = {path for path in stage["deps"] if path.startswith("outputs/dvc/")}
        assert asked <= made
        for entry in [*stage.get("outs", []), *stage.get("metrics", [])]:
            made |= set(entry) if isinstance(entry, dict) else {entry}
