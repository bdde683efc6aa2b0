"""The chain as plain commands, as dvc.yaml runs them."""

import json
import re
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

ROOT = Path(__file__).resolve().parents[2]


def stages():
    return yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]


def invoke(*arguments):
    from unmask.cli.app import app

    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.mark.slow
def test_the_commands_lead_from_a_manifest_to_gates(platforms, footage):
    out = platforms / "outputs/dvc"
    profile = ("--profile", "full")
    invoke("train", "detector", footage, "--out", out / "uncalibrated", *profile)
    invoke("train", "calibrate", out / "uncalibrated", footage, "--out", out / "bundle", *profile)
    before = json.loads((out / "uncalibrated/bundle.json").read_text())["calibration"]
    after = json.loads((out / "bundle/bundle.json").read_text())["calibration"]
    assert before["temperature"] == 1.0 != after["temperature"]
    assert after["real_below"] <= after["fake_above"]
    scored = invoke("eval", "score", out / "bundle", footage, "--out", out / "scores.csv")
    assert "4 clips scored" in scored.output
    invoke("eval", "metrics", out / "scores.csv", "--out", out / "evaluation", *profile)
    attacked = invoke(
        "eval", "attack", out / "bundle", footage, "--out", out / "attack.json", *profile
    )
    assert "frames, epsilon 0.05" in attacked.output
    gates = invoke(
        "eval",
        "gates",
        out / "evaluation/metrics.json",
        "--robustness",
        out / "attack.json",
        *profile,
    )
    assert gates.exit_code == 0
    # checkpoints of a finished fit are removed
    assert list((out / "runs").iterdir()) == []


def test_each_stage_of_dvc_calls_a_command_and_depends_on_what_is_there():
    from unmask.cli.app import GROUPS

    assert list(stages()) == [
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
    for stage in stages().values():
        group, name = re.match(r"\.venv/bin/unmask (\S+) (\S+) ", stage["cmd"]).groups()
        assert name in GROUPS[group]
        for path in stage["deps"]:
            assert path.startswith(("outputs/dvc/", "data/raw")) or (ROOT / path).exists(), path
        for key in stage.get("params", []):
            block = yaml.safe_load((ROOT / "params.yaml").read_text())
            for part in key.split("."):
                block = block[part]


def test_every_file_a_stage_reads_is_written_by_an_earlier_one():
    made = set()
    for stage in stages().values():
        required = {path for path in stage["deps"] if path.startswith("outputs/dvc/")}
        assert required <= made
        for entry in [*stage.get("outs", []), *stage.get("metrics", [])]:
            made |= set(entry) if isinstance(entry, dict) else {entry}
