"""The whole chain, on twelve short films, a damaged one and two sealed ones."""

import json
import re
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow


def run(footage, **options):
    from pipelines.__main__ import training

    training(phase=1, profile="full", data=[str(footage)], **options)
    return last_run("training_pipeline")


def last_run(pipeline):
    from zenml.client import Client

    newest = Client().get_pipeline(pipeline).last_run
    return {name: str(step.status) for name, step in newest.steps.items()}


def versions():
    import mlflow

    registered = mlflow.MlflowClient().search_model_versions("name = 'unmask-phase-1'")
    return {item.version: item for item in registered}


@pytest.fixture(scope="module")
def temporary(tmp_path_factory):
    """A folder for temporary files of this module's runs."""
    folder, before = tmp_path_factory.mktemp("temporary"), tempfile.tempdir
    tempfile.tempdir = str(folder)
    yield folder
    tempfile.tempdir = before


@pytest.fixture(scope="module")
def first(footage, temporary):
    return run(footage)


def test_every_step_runs_and_a_champion_is_kept_registered_and_packaged(first, platforms):
    import bentoml
    import mlflow

    from steps.platforms.run_summary import load
    from unmask.models.bundle import load_bundle

    assert set(first.values()) == {"completed"}
    champion = load_bundle(platforms / "outputs/champion")
    registered = mlflow.MlflowClient().get_model_version_by_alias("unmask-phase-1", "champion")
    assert registered.tags["bundle_sha256"] == champion.sha256
    assert registered.tags["data_version"].startswith("manifest:")
    assert registered.tags.keys() >= {"git_commit", "phase", "profile", "gates"}
    bento = Path(bentoml.get("unmask:latest").path)
    packed = json.loads((bento / "src/bento/bundle/bundle.json").read_text())
    assert packed == json.loads((platforms / "outputs/champion/bundle.json").read_text())
    assert (bento / "src/unmask/serving/analyzer.py").is_file()
    page = [
        path.relative_to(ROOT) for path in (ROOT / "bento/frontend").rglob("*") if path.is_file()
    ]
    assert page
    assert [name for name in page if not (bento / "src" / name).is_file()] == []
    gates = json.loads((bento / "src/bento/bundle/gates.json").read_text())
    assert {gate["name"] for gate in gates["rows"]} >= {"auc", "ece"}
    requirements = (bento / "env/python/requirements.txt").read_text()
    assert (bento / "src/bento/bundle/graphs/frames.onnx").is_file()
    assert "\nopenvino==" in requirements
    assert "\ntorch==" not in requirements
    summary = load(platforms / "outputs/summary.json")
    assert summary.bento == str(bentoml.get("unmask:latest").tag)
    assert (summary.alias, summary.version) == ("champion", str(registered.version))


def test_a_damaged_clip_is_left_out_and_recorded(first, platforms):
    import mlflow

    (training,) = mlflow.search_runs(experiment_names=["unmask"], output_format="list")
    assert training.data.metrics["data/clips_skipped"] == 1
    (table,) = (platforms / "outputs/mlartifacts").rglob("skipped_clips.csv")
    header, row = table.read_text().splitlines()
    assert header == "clip_id,reason"
    assert row.startswith("damaged,")
    assert "damaged.mp4" in row


def test_no_step_leaves_a_temporary_folder_behind(first, temporary):
    names = [path.name for path in temporary.iterdir()]
    assert [name for name in names if name.startswith(("zenml-", "unmask-"))] == []


def test_nothing_registered_is_pickled(first, platforms):
    kinds = {path.suffix for path in (platforms / "outputs/mlartifacts").rglob("*")}
    assert not kinds & {".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".joblib"}
    assert not any((platforms / "outputs/bentoml").rglob("*.pkl"))


def test_mlflow_serves_the_registered_bundle(first, footage):
    import mlflow
    import pandas as pd

    model = mlflow.pyfunc.load_model("models:/unmask-phase-1@champion")
    paths = [str(footage / "0.mp4"), str(footage / "none.mp4")]
    seen, broken = model.predict(pd.DataFrame({"path": paths}))
    assert seen["verdict"] in ("real", "fake", "inconclusive")
    assert 0 <= seen["fake_probability"] <= 1
    assert broken["fake_probability"] is None
    assert "none.mp4" in broken["report"]


def test_every_recorded_metric_is_in_the_glossary(first):
    import mlflow

    from unmask.evaluation.metric_keys import to_grouped_key

    glossary = re.findall(r"`([a-z0-9_<>]+)`", (ROOT / "mlflow/README.md").read_text())
    known = [re.sub(r"<\w+>", "[a-z0-9_.]+", key) for key in glossary]
    known += [f"{key}_(low|high)" for key in known if key.startswith("auc")]
    (training,) = mlflow.search_runs(experiment_names=["unmask"], output_format="list")
    keys = {key for key in training.data.metrics if not key.startswith(("system/", "roc/"))}
    assert {"val_auc", "test/auc", "test/ece"} <= keys
    assert "white_box_attacks/fgsm_drop_frames_0.05" in keys
    leaves = [key.partition("/")[2] or key for key in keys]
    assert all(key in (leaf, to_grouped_key(leaf)) for key, leaf in zip(keys, leaves, strict=True))
    unknown = [leaf for leaf in leaves if not any(re.fullmatch(pattern, leaf) for pattern in known)]
    assert unknown == []
    assert training.data.params["training.epochs"] == "1"
    assert training.info.status == "FINISHED"


def test_the_run_has_its_data_set_its_model_card_and_a_table_of_attacks(first, platforms):
    import mlflow

    (training,) = mlflow.search_runs(experiment_names=["unmask"], output_format="list")
    splits = {given.tags[0].value for given in training.inputs.dataset_inputs}
    assert splits == {"train", "val", "test"}
    artifacts = platforms / "outputs/mlartifacts"
    (card,) = artifacts.rglob("model_card.md")
    assert "| `auc` | " in card.read_text()
    (attacks,) = artifacts.rglob("attacks.csv")
    assert "frames,0.05," in attacks.read_text()
    assert list(artifacts.rglob("data_docs/index.html"))


def test_the_run_ends_with_one_page_here_in_mlflow_and_on_the_dashboard(first, platforms):
    from zenml.client import Client
    from zenml.enums import VisualizationType

    page = (platforms / "outputs/report.html").read_text()
    assert "<h1>phase-1-full-seed-" in page
    assert page.count("data:image/png;base64,") == 3
    (logged,) = (platforms / "outputs/mlartifacts").rglob("report.html")
    assert logged.read_text() == page
    steps = Client().get_pipeline("training_pipeline").last_run.steps
    (report,) = steps["write_run_report"].outputs["report"]
    assert [item.type for item in report.visualizations] == [VisualizationType.HTML]
    facts = steps["register_detector"].run_metadata
    assert facts["registered_version"] == "1"
    assert 0 <= facts["auc"] <= 1


def test_roc_curves_of_runs_can_be_compared(first):
    import mlflow

    (run,) = mlflow.search_runs(experiment_names=["unmask"], output_format="list")
    curve = mlflow.MlflowClient().get_metric_history(run.info.run_id, "roc/true_positive_rate")
    assert len(curve) == 101


def test_unchanged_data_is_served_from_the_cache(first, footage):
    rewritten = (footage / "manifest.csv").read_bytes()
    (footage / "manifest.csv").write_bytes(rewritten)
    second = run(footage)
    always = {"ingest_data", "fetch_baseline", "register_detector", "enforce_gates"}
    always |= {"write_run_report", "compare_with_served", "build_service"}
    # the first run had no baseline to compare with, the second has
    compared = {"evaluate_baseline", "check_gates", "log_results", "log_model_card"}
    for name, status in second.items():
        if name not in compared:
            assert status == ("completed" if name in always else "cached"), name
    third = run(footage)
    assert {name for name, status in third.items() if status != "cached"} == always
    assert len(versions()) == 1


def test_a_new_setting_redoes_what_depends_on_it_and_no_more(first, footage):
    again = run(footage, set_=["evaluation.resamples=60"])
    # attacks have intervals, too
    for name in ("evaluate_detector", "evaluate_robustness"):
        assert again[name] == "completed"
    for name in (
        "align_faces",
        "cache_flow",
        "cache_mouth_crops",
        "cache_vad",
        "train_lipsync",
        "train_detector",
    ):
        assert again[name] == "cached"


def test_a_required_gate_that_falls_short_leaves_the_champion_alone(
    first, footage, platforms, monkeypatch, capsys
):
    import bentoml
    import mlflow

    from pipelines.__main__ import main
    from steps.platforms.run_summary import load

    client = mlflow.MlflowClient()
    champion = (platforms / "outputs/champion").resolve()
    bento = bentoml.get("unmask:latest").tag
    argv = ["pipelines", "training", "--profile", "full", "--data", str(footage)]
    argv += ["--set", "seed=8", "--set", "gates.auc.limit=1.1"]
    monkeypatch.setattr("sys.argv", argv)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    out, err = capsys.readouterr()
    assert "Gates: NOT passed" in out
    assert "challenger" in out
    (line,) = [text for text in err.splitlines() if "pipelines:" in text]
    assert re.search(r"auc .* is below the minimum of 1\.1", line)
    statuses = last_run("training_pipeline")
    assert statuses["enforce_gates"] == "failed"
    for name in ("compare_with_served", "build_service"):
        assert statuses.get(name) not in ("completed", "cached")
    assert (platforms / "outputs/champion").resolve() == champion
    assert bentoml.get("unmask:latest").tag == bento
    aliases = client.get_registered_model("unmask-phase-1").aliases
    assert {name: str(number) for name, number in aliases.items()} == {
        "baseline": "1",
        "champion": "1",
        "challenger": "2",
    }
    assert load(platforms / "outputs/summary.json").bento is None


def test_a_candidate_that_passes_is_served_only_if_it_is_better(first, footage, platforms):
    from zenml.client import Client

    from steps.platforms.run_summary import load

    champion = (platforms / "outputs/champion").resolve()
    limits = ["gates.baseline_drop.limit=1", "gates.non_inferiority.limit=1"]
    assert set(run(footage, set_=["seed=8", *limits]).values()) <= {"completed", "cached"}
    step = Client().get_pipeline("training_pipeline").last_run.steps["compare_with_served"]
    comparison = step.outputs["served_comparison"][0].load()
    assert comparison.baseline.startswith("served champion ")
    summary = load(platforms / "outputs/summary.json")
    assert summary.serving.is_served == (comparison.difference > 0) == (summary.bento is not None)
    replaced = (platforms / "outputs/champion").resolve() != champion
    assert replaced == summary.serving.is_served
    tags = versions()[int(summary.version)].tags
    assert tags["served"] == summary.serving.describe()


@pytest.fixture
def footage_as_pinned_set(footage, monkeypatch):
    from steps.platforms import dvc_data

    monkeypatch.setattr(dvc_data, "pull_pinned_data", lambda: "0.dir")
    monkeypatch.setattr(dvc_data, "RAW", footage)


@pytest.mark.usefixtures("footage_as_pinned_set")
def test_the_regression_gate_measures_the_champion(first, capsys):
    from pipelines.__main__ import gate

    gate(phase=1, profile="full", version="")
    assert last_run("regression_gate")["enforce_gates"] == "completed"


@pytest.mark.usefixtures("footage_as_pinned_set")
def test_the_regression_gate_names_what_is_not_registered(first):
    from pipelines.__main__ import gate
    from unmask.errors import GateError

    with pytest.raises(GateError, match="no version 99 is registered"):
        gate(phase=1, profile="full", version="99")


def test_a_release_scores_the_sealed_clips_and_counts_how_often(first, footage, platforms, caplog):
    import mlflow

    from pipelines.__main__ import release
    from unmask.data.manifest import read_all_clips
    from unmask.evaluation.serialization import read_scores

    sealed = [clip for clip in read_all_clips(footage) if clip.split == "sealed"]
    cached = len(list((platforms / "data/cache").rglob("*")))
    for number in (1, 2):
        release(phase=1, profile="full", data=[str(footage)])
        assert set(last_run("release_pipeline").values()) == {"completed"}
        assert ("opening number 2 of the sealed split" in caplog.text) == (number == 2)
    assert len(list((platforms / "data/cache").rglob("*"))) > cached  # training opened none
    assert "was trained without this sealed split" not in caplog.text
    runs = mlflow.search_runs(experiment_names=["unmask-releases"], output_format="list")
    assert sorted(run.data.metrics["sealed_openings"] for run in runs) == [1.0, 2.0]
    assert {run.data.metrics["clips"] for run in runs} == {2.0}
    rows = read_scores(platforms / "outputs/releases" / runs[0].info.run_id / "scores.csv")
    assert {row.clip_id for row in rows} == {clip.clip_id for clip in sealed}
    (released,) = {run.data.tags["version"] for run in runs}
    version = {str(number): item for number, item in versions().items()}[released]
    assert version.tags["sealed_openings"] == "2"
    assert version.tags["sealed_version"] in version.tags["data_version"]


def test_a_second_member_takes_over_the_frame_encoder_of_the_first(first, footage, platforms):
    from unmask.models.bundle import load_bundle

    members = ["ensemble.members=2", "ensemble.shared_frames=true"]
    limits = ["gates.baseline_drop.limit=1", "gates.non_inferiority.limit=1"]
    statuses = run(footage, set_=[*members, *limits], promote=True)
    assert (statuses["train_detector"], statuses["train_member_2"]) == ("cached", "completed")
    member, other = load_bundle(platforms / "outputs/champion").members
    assert member.frame.project.weight is other.frame.project.weight
    assert not member.head[0].weight.equal(other.head[0].weight)
