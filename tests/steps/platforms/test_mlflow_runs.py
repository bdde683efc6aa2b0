"""MLflow runs of trainings."""

import csv
from dataclasses import replace

import mlflow
import pytest

from steps.platforms import mlflow_runs
from tests.factories import make_clip, wait_until
from unmask.config import Settings
from unmask.evaluation.gates import GateReport, GateResult
from unmask.evaluation.intervals import Estimate
from unmask.evaluation.part_rows import PartRow
from unmask.robustness.codec_report import CodecRow

GATES = GateReport((GateResult("auc", 0.8, 0.9, "at least", "required", False, "too low"),), False)


@pytest.mark.usefixtures("checkout")
def test_a_run_records_settings_data_metrics_and_gates(tmp_path):
    settings = Settings().replace(seed=11)
    run_id = mlflow_runs.start_run(settings, "dvc:abc.dir", tmp_path / "fit")
    mlflow_runs.finish_run(run_id, {"auc": 0.8}, GATES)
    run = mlflow.MlflowClient().get_run(run_id)
    assert run.data.params["training.learning_rate"] == str(settings.training.learning_rate)
    assert run.data.params["gates.auc.limit"] == str(settings.gates.auc.limit)
    tags = run.data.tags
    assert tags["mlflow.source.type"] == "LOCAL"
    assert tags["mlflow.source.name"] == "pipelines/training.py"
    assert tags["mlflow.user"]
    experiment = mlflow.MlflowClient().get_experiment(run.info.experiment_id)
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    assert (tags["seed"], tags["phase"], tags["data_version"]) == ("11", "1", "dvc:abc.dir")
    assert tags["gates"] == "short"
    assert tags["gate.auc"] == "required, missed: too low"
    assert run.data.metrics == {"test/auc": 0.8}
    assert run.info.status == "FINISHED"


@pytest.mark.usefixtures("checkout")
def test_gates_on_data_sets_have_tags_and_a_page(tmp_path):
    row = GateResult("auc@celebdf", 0.8, 0.7, "at least", "required", True, "auc@celebdf 0.8")
    first = GateResult("baseline_drop", None, 0.03, "at most", "required", True, "no baseline yet")
    run_id = mlflow_runs.start_run(Settings(), "dvc:abc.dir", tmp_path / "fit")
    parts = (PartRow("source", "kodf", 9, 0, "no genuine clips"),)
    mlflow_runs.finish_run(run_id, {}, GateReport((row, first), True, parts=parts))
    tags = mlflow.MlflowClient().get_run(run_id).data.tags
    note = tags["mlflow.note.content"]
    assert "**Gates: passed**" in note
    assert "| auc@celebdf | required | passed | auc@celebdf 0.8 |" in note
    assert "| baseline_drop | required | not measured | no baseline yet |" in note
    assert tags["gate.baseline_drop"] == "required, not measured: no baseline yet"
    assert "| source kodf | 9 + 0 | not measured: no genuine clips |" in note
    assert tags["gate.auc_at_celebdf"] == "required, passed: auc@celebdf 0.8"
    (page,) = (tmp_path / "outputs/mlartifacts").rglob("gates/gates.html")
    assert "auc@celebdf" in page.read_text()
    assert page.with_suffix(".json").is_file()


@pytest.mark.usefixtures("checkout")
def test_each_split_is_a_data_set_of_the_run_named_by_its_content(tmp_path):
    clips = [
        make_clip(
            clip_id=f"{number}",
            sha256=f"{number}",
            path=tmp_path / f"{number}.mp4",
            split=("train", "test")[number % 2],
            source="kodf",
        )
        for number in range(4)
    ]
    moved = [replace(clip, path=tmp_path / "moved" / clip.path.name) for clip in clips]
    relabelled = [replace(clips[0], fake_video=True, is_fake=True), *clips[1:]]
    digests = []
    for number, listed in enumerate((clips, moved, relabelled)):
        run_id = mlflow_runs.start_run(Settings(), "dvc:abc.dir", tmp_path / f"fit-{number}")
        mlflow_runs.log_data(run_id, listed)
        mlflow_runs.log_data(run_id, listed)  # of a training that is resumed
        given = mlflow.MlflowClient().get_run(run_id).inputs.dataset_inputs
        assert {each.dataset.name for each in given} == {"kodf"}
        assert sorted(each.tags[0].value for each in given) == ["test", "train"]
        digests.append({each.tags[0].value: each.dataset.digest for each in given})
    assert digests[0] == digests[1]
    assert digests[0]["train"] != digests[2]["train"]
    assert digests[0]["test"] == digests[2]["test"]


@pytest.mark.usefixtures("checkout")
def test_the_runs_of_an_ensemble_are_nested_and_named_as_its_members(tmp_path):
    runs = [mlflow_runs.start_run(Settings(), "dvc:abc.dir", tmp_path / f"{n}") for n in range(3)]
    mlflow_runs.nest_runs(*runs)
    members = [mlflow.MlflowClient().get_run(run) for run in runs[1:]]
    name = "phase-1-full-seed-7"
    assert [run.info.run_name for run in members] == [f"{name}, member 2", f"{name}, member 3"]
    assert {run.data.tags["mlflow.parentRunId"] for run in members} == {runs[0]}


@pytest.mark.usefixtures("checkout")
def test_rows_are_a_table_with_a_column_per_number(tmp_path):
    run = mlflow_runs.start_run(Settings(), "dvc:abc.dir", tmp_path / "fit")
    row = CodecRow("h264:23", Estimate(0.9, 0.8, 0.95), Estimate(0.01, None, None), None, 0)
    mlflow_runs.log_table(run, [row], "codecs.csv")
    mlflow_runs.log_table(run, [], "nothing.csv")
    (table,) = (tmp_path / "outputs/mlartifacts").rglob("*.csv")
    (line,) = csv.DictReader(table.read_text().splitlines())
    assert (line["condition"], line["auc.value"], line["auc.high"]) == ("h264:23", "0.9", "0.95")
    assert line["drop.low"] == ""


@pytest.mark.usefixtures("checkout")
def test_a_resumed_training_keeps_its_run(tmp_path):
    first = mlflow_runs.start_run(Settings(), "dvc:abc.dir", tmp_path / "fit")
    assert mlflow_runs.start_run(Settings(), "dvc:abc.dir", tmp_path / "fit") == first
    assert mlflow_runs.start_run(Settings(), "dvc:abc.dir", tmp_path / "other") != first
    mlflow.MlflowClient().delete_run(first)
    assert mlflow_runs.start_run(Settings(), "dvc:abc.dir", tmp_path / "fit") != first


@pytest.mark.usefixtures("checkout")
def test_artifacts_are_stored_beside_the_database(tmp_path):
    run = mlflow_runs.start_run(Settings(), "dvc:abc.dir", tmp_path / "fit")
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots/roc.png").write_bytes(b"png")
    mlflow_runs.log_folder(run, tmp_path / "plots", "plots")
    (stored,) = (tmp_path / "outputs/mlartifacts").rglob("roc.png")
    assert stored.parent.name == "plots"


def test_settings_are_flattened_to_the_keys_of_overrides():
    assert mlflow_runs.flatten({"a": 1, "b": {"c": {"d": 2}, "e": "x"}}) == {
        "a": 1,
        "b.c.d": 2,
        "b.e": "x",
    }


def test_a_commit_has_40_digits_and_a_mark_for_local_changes(tmp_path, monkeypatch):
    import subprocess

    monkeypatch.chdir(tmp_path)
    assert mlflow_runs.git_commit() == "unknown"
    (tmp_path / "a").write_text("1")
    user = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for arguments in (["init", "-q"], ["add", "a"], [*user, "commit", "-q", "-m", "one"]):
        subprocess.run(["git", *arguments], check=True)
    clean = mlflow_runs.git_commit()
    assert len(clean) == 40
    (tmp_path / "a").write_text("2")
    assert mlflow_runs.git_commit() == f"{clean}-dirty"


@pytest.mark.usefixtures("checkout")
def test_skipped_clips_are_a_metric_and_a_table(tmp_path):
    run = mlflow_runs.start_run(Settings(), "dvc:abc.dir", tmp_path / "fit")
    mlflow_runs.log_skipped_clips(run, {"b": "b.mp4: is empty, 0 bytes", "a": "no frames"})
    assert mlflow.MlflowClient().get_run(run).data.metrics == {"data/clips_skipped": 2}
    (table,) = (tmp_path / "outputs/mlartifacts").rglob("skipped_clips.csv")
    assert table.read_text() == 'clip_id,reason\na,no frames\nb,"b.mp4: is empty, 0 bytes"\n'


@pytest.mark.usefixtures("checkout")
def test_a_roc_curve_is_a_metric_whose_step_is_the_false_positive_rate(tmp_path):
    run_id = mlflow_runs.start_run(Settings(), "dvc:abc.dir", tmp_path / "fit")
    curve = tmp_path / "roc.csv"
    curve.write_text("fpr,tpr\n0,0\n0,0.5\n0.5,0.75\n1,1\n")
    mlflow_runs.log_curve(run_id, "roc/true_positive_rate", curve)
    points = {
        item.step: item.value
        for item in mlflow.MlflowClient().get_metric_history(run_id, "roc/true_positive_rate")
    }
    assert len(points) == 101
    assert points[250] == pytest.approx(0.625)
    assert (points[0], points[1000]) == (0.5, 1.0)


@pytest.mark.usefixtures("checkout")
def test_the_load_of_the_machine_is_measured_while_a_run_works(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.1")
    run_id = mlflow_runs.start_run(Settings(), "dvc:abc.dir", tmp_path / "fit")
    with mlflow_runs.system_metrics(run_id):
        wait_until(lambda: _system_keys(run_id))
    assert "system/cpu_utilization_percentage" in _system_keys(run_id)


def _system_keys(run_id):
    metrics = mlflow.MlflowClient().get_run(run_id).data.metrics
    return {key for key in metrics if key.startswith("system/")}
