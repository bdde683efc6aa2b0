"""The chain as plain commands, as dvc.yaml runs them."""

import ast
import csv
import json
import re
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ("outputs/dvc/", "reports/dvc/")  # of the stages of dvc.yaml


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


@pytest.mark.slow
def test_a_sweep_writes_a_table_and_with_a_recorder_nested_mlflow_runs(platforms, footage):
    import mlflow

    from pipelines.__main__ import sweep

    grid, out = "training.learning_rate=0.001,0.002", platforms / "outputs/sweep"
    sweep(grid=[grid], manifest=footage, out=out, phase=1, profile="full")
    rows = list(csv.DictReader((out / "sweep.csv").read_text().splitlines()))
    assert {row["settings"] for row in rows} == {
        "training.learning_rate=0.001",
        "training.learning_rate=0.002",
    }
    assert float(rows[0]["val_auc"]) >= float(rows[1]["val_auc"])
    assert all((Path(row["bundle"]) / "bundle.json").is_file() for row in rows)
    runs = mlflow.search_runs(experiment_names=["unmask-sweeps"], output_format="list")
    (parent,) = [run for run in runs if "best" in run.data.tags]
    assert parent.data.tags["best"] == rows[0]["settings"]
    assert len(runs) == 3
    # the plain command reuses the fits and records nothing
    plain = invoke(
        *("experiment", "sweep", footage, "--grid", grid, "--out", out, "--profile", "full")
    )
    assert f"best on validation: {rows[0]['settings']}" in plain.output
    assert len(mlflow.search_runs(experiment_names=["unmask-sweeps"])) == 3


@pytest.mark.slow
def test_an_ablation_writes_a_report_and_with_a_recorder_a_nested_mlflow_run(platforms, footage):
    import mlflow

    from pipelines.__main__ import ablate

    ablate(manifest=footage, phase=1, profile="full", seeds="7", only=["everything"])
    report = (platforms / "outputs/ablation/ablation.md").read_text()
    assert "Ablation of phase 1, profile full" in report
    assert not (platforms / "reports").exists()  # the full report is left alone
    runs = mlflow.search_runs(experiment_names=["unmask-sweeps"], output_format="list")
    (training,) = [run for run in runs if run.data.params.get("without") == "everything"]
    assert 0 <= training.data.metrics["auc"] <= 1


@pytest.fixture
def two_sets(platforms, footage):
    """Manifests of two data sets; each person of the footage is a source."""
    from dataclasses import replace

    from unmask.data.manifest import read_manifest, write_manifest

    clips = [c for c in read_manifest(footage) if c.clip_id != "damaged"]
    clips = [replace(clip, source=f"source of {clip.identity}") for clip in clips]
    return [
        write_manifest(clips[start : start + 6], platforms / f"set-{start}") for start in (0, 6)
    ]


@pytest.mark.slow
def test_every_source_is_left_out_once_and_a_finished_fold_is_read(platforms, two_sets):
    import mlflow

    from pipelines.__main__ import leave_one_source_out
    from unmask.data.manifest import read_manifest

    out = platforms / "outputs/held-out"
    leave_one_source_out(two_sets, phase=1, profile="full", folds=2, out=out)
    clips = [clip for file in two_sets for clip in read_manifest(file)]
    rows = list(csv.DictReader((out / "scores.csv").read_text().splitlines()))
    assert sorted(row["source"] for row in rows) == sorted(clip.source for clip in clips)
    assert {(row["width"], row["sample_rate_hz"]) for row in rows} == {("320", "16000")}
    table = json.loads((out / "report.json").read_text())
    assert {row["family"] for row in table["families"]} == {"altered picture", "other or unnamed"}
    assert "Leave one source out: phase 1, profile full" in (out / "report.md").read_text()
    (parent,) = mlflow.search_runs(
        experiment_names=["unmask-sweeps"],
        filter_string="run_name = 'Leave one source out: phase 1, profile full'",
        output_format="list",
    )
    metrics, family = parent.data.metrics, table["families"][0]
    assert metrics["auc_of_altered_picture"] == family["auc"]["by_person"]["value"]

    assert len(list((out / "folds").glob("*/bundle"))) == 2
    before = {file: file.stat().st_mtime_ns for file in out.glob("folds/*/**/*")}
    page = (out / "report.md").read_text()
    plain = invoke(
        *("experiment", "leave-one-source-out", *two_sets, "--folds", 2, "--out", out),
        *("--phase", 1, "--profile", "full"),
    )
    assert "written:" in plain.output
    assert {file: file.stat().st_mtime_ns for file in out.glob("folds/*/**/*")} == before
    assert (out / "report.md").read_text() == page


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
            assert path.startswith((*RESULTS, "data/raw")) or (ROOT / path).exists(), path
        for key in stage.get("params", []):
            block = yaml.safe_load((ROOT / "params.yaml").read_text())
            for part in key.split("."):
                block = block[part]


def test_phase_and_profile_are_parameters_of_every_stage_that_takes_them():
    block = yaml.safe_load((ROOT / "params.yaml").read_text())
    assert (block["phase"], block["profile"]) == (1, "demo")
    assert "vars" not in yaml.safe_load((ROOT / "dvc.yaml").read_text())
    for stage in stages().values():
        asked = {name for name in ("phase", "profile") if f"${{{name}}}" in stage["cmd"]}
        assert asked == {"phase", "profile"} & set(stage.get("params", []))


def imported_files(file):
    """Return the modules of unmask that a module imports, anywhere in it."""
    files = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("unmask"):
            module = ROOT / "src" / node.module.replace(".", "/")
            parts = [module, *(module / name.name for name in node.names)]
            files |= {part.with_suffix(".py") for part in parts if part.with_suffix(".py").exists()}
    return files


@pytest.mark.parametrize("name", stages())
def test_a_stage_depends_on_the_code_that_its_command_reaches(name):
    group, command = re.match(r"\.venv/bin/unmask (\S+) (\S+) ", stages()[name]["cmd"]).groups()
    reached, waiting = set(), {ROOT / f"src/unmask/cli/{group}/{command}.py"}
    while waiting:
        file = waiting.pop()
        reached.add(file)
        waiting |= imported_files(file) - reached
    # settings are `params`; what has no package of its own belongs to no stage
    code = {file for file in reached if len(file.relative_to(ROOT / "src/unmask").parts) > 1}
    code = {file for file in code if file.parts[-2] != "config" and "cli" not in file.parts}
    dependencies = [ROOT / path for path in stages()[name]["deps"]]
    uncovered = {file for file in code if not {file, *file.parents} & set(dependencies)}
    assert uncovered == set()


@pytest.mark.parametrize("name", stages())
def test_a_stage_that_reads_settings_takes_the_phase_and_the_profile(name):
    stage = stages()[name]
    scoped = {"phases", "profiles"} <= set(stage.get("params", []))
    assert scoped == bool(stage.get("params"))
    assert ("--phase ${phase} --profile ${profile}" in stage["cmd"]) == scoped


def test_every_file_a_stage_reads_is_written_by_an_earlier_one():
    written = set()
    for stage in stages().values():
        inputs = {path for path in stage["deps"] if path.startswith(RESULTS)}
        assert inputs <= written
        for entry in [*stage.get("outs", []), *stage.get("metrics", [])]:
            written |= set(entry) if isinstance(entry, dict) else {entry}


def test_the_users_own_defaults_hold_for_options_that_both_programs_have(monkeypatch, tmp_path):
    import typer

    from pipelines.__main__ import app
    from unmask.cli.user_file import shared_defaults

    root = typer.main.get_command(app)
    values = {"profile": "field", "log-level": "debug", "analyze": {"quiet": True}}
    defaults = shared_defaults(values, root)
    assert defaults["training"] == {"profile": "field"}
    given = root.commands["training"].make_context("it", [], default_map=defaults["training"])
    assert given.params["profile"] == "field"
