"""Names, order and settings of the pipelines; nothing runs."""

import importlib
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STEPS = [
    "ingest_data",
    "validate_data",
    "align_faces",
    "cache_flow",
    "cache_mouth_crops",
    "cache_vad",
    "select_clips",
    "train_lipsync",
    "train_detector",
    "log_skipped_clips",
    "log_data_docs",
    "build_ensemble",
    "calibrate_scores",
    "evaluate_cross_dataset",
    "evaluate_detector",
    "evaluate_robustness",
    "evaluate_codecs",
    "fetch_baseline",
    "evaluate_baseline",
    "note_data",
    "check_gates",
    "log_results",
    "log_model_card",
    "write_run_report",
    "register_detector",
    "enforce_gates",
    "compare_with_served",
    "build_service",
]


def test_the_steps_are_wired_in_the_order_of_the_chain(platforms):
    from pipelines.training import training_pipeline

    training_pipeline.prepare()
    invocations = training_pipeline.invocations
    assert sorted(invocations) == sorted(STEPS)
    upstream = {name: step.upstream_steps for name, step in invocations.items()}
    reached, waiting = set(), set(STEPS)
    while ready := {name for name in waiting if upstream[name] <= reached}:
        reached |= ready
        waiting -= ready
    assert not waiting
    for before, after in pairwise(STEPS[1:8]):  # validate … train_lipsync
        assert before in upstream[after]
    assert upstream["build_ensemble"] >= {"train_detector", "train_lipsync"}
    assert upstream["build_service"] >= {"compare_with_served"}
    assert upstream["compare_with_served"] >= {"enforce_gates"}
    assert upstream["enforce_gates"] >= {"register_detector", "write_run_report"}


@pytest.mark.parametrize("name", ["training_pipeline", "regression_gate", "release_pipeline"])
def test_every_pipeline_takes_the_data_sets_of_the_settings_unless_it_is_given_some(
    platforms, name
):
    import pipelines

    pipeline = getattr(pipelines, name)
    listed = "data.sources=[{name: ffpp, folder: ../FF++, role: both, weight: 2}]"
    sources = (listed, "training.balanced=true")
    for data, expected in (((), ["ffpp=../FF++:both"]), (("elsewhere",), ["elsewhere"])):
        pipeline.prepare(data=data, overrides=sources)
        (ingest,) = [step for key, step in pipeline.invocations.items() if "ingest" in key]
        assert list(ingest.parameters["data"]) == expected
    pipeline.prepare()  # later tests find the defaults


def test_the_regression_gate_ends_with_its_gates(platforms):
    from pipelines.gate import regression_gate

    regression_gate.prepare()
    invocations = regression_gate.invocations
    assert "train_detector" not in invocations
    assert invocations["evaluate_detector"].upstream_steps >= {"fetch_champion", "ingest_data"}
    assert invocations["enforce_gates"].upstream_steps == {"check_gates"}


def test_a_release_counts_the_opening_before_the_first_sealed_clip_is_scored(platforms):
    from pipelines.release import release_pipeline

    release_pipeline.prepare()
    upstream = {name: step.upstream_steps for name, step in release_pipeline.invocations.items()}
    assert upstream["evaluate_sealed"] >= {"count_opening", "ingest_sealed", "fetch_baseline"}
    assert upstream["count_opening"] >= {"fetch_champion", "ingest_sealed"}
    assert "ingest_data" not in upstream


@pytest.mark.parametrize("source", ["training_pipeline", "pipelines.training_pipeline"])
def test_both_names_lead_zenml_to_the_pipeline(source, platforms, monkeypatch):
    from zenml.pipelines.pipeline_definition import Pipeline
    from zenml.utils import source_utils

    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.delitem(sys.modules, "training_pipeline", raising=False)
    pipeline = source_utils.load(source)
    assert isinstance(pipeline, Pipeline)
    assert pipeline.name == "training_pipeline"


@pytest.mark.parametrize("shared", [False, True])
def test_every_ensemble_member_is_a_separate_step(platforms, shared):
    from pipelines.training import training_pipeline

    members = ("ensemble.members=3", f"ensemble.shared_frames={shared}")
    training_pipeline.prepare(overrides=members)
    upstream = {name: step.upstream_steps for name, step in training_pipeline.invocations.items()}
    names = {"train_detector", "train_member_2", "train_member_3"}
    assert upstream["build_ensemble"] >= names
    # with encoders of their own the members can be trained side by side
    assert ("train_detector" in upstream["train_member_3"]) == shared
    assert "train_member_2" not in upstream["train_member_3"]


def test_a_fit_is_not_done_again_for_another_gate():
    from pipelines.step_settings import member_settings
    from unmask.config import Gate, GateSettings, Settings

    settings = Settings()
    strict = settings.replace(gates=GateSettings(auc=Gate(limit=0.99)))
    assert member_settings(settings) == member_settings(strict)
    assert member_settings(settings) != member_settings(settings.replace(seed=8))


@pytest.mark.parametrize(
    ("profile", "data", "levels"),
    [
        ("demo", "", {"required"}),
        ("demo", "elsewhere", {"reported"}),
        ("full", "", {"required"}),
        ("full", "elsewhere", {"required"}),
    ],
)
def test_only_the_demo_floors_give_way_to_other_data(profile, data, levels):
    from pipelines.step_settings import gate_settings
    from unmask.config import Settings

    gates = gate_settings(Settings(profile=profile), data)
    kinds = {
        getattr(gates, name).level
        for name in ("auc", "ece", "ece_p_value", "fgsm_drop", "baseline_drop")
    }
    assert kinds == levels
    assert gates.auc.limit == Settings().gates.auc.limit


def test_a_summary_is_shown_without_loading_a_platform():
    code = (
        "import sys; sys.argv = ['pipelines', 'summary']\n"
        "from pipelines.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print([name for name in ('zenml', 'mlflow', 'bentoml', 'torch') if name in sys.modules])"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert process.stdout.splitlines()[-1] == "[]"


def test_every_pipeline_is_an_attribute_of_the_package(platforms):
    from zenml.pipelines.pipeline_definition import Pipeline

    import pipelines

    for name, module in pipelines.PIPELINES.items():
        importlib.import_module(f"pipelines.{module}")
        assert isinstance(getattr(pipelines, name), Pipeline)


def test_an_unknown_pipeline_is_an_attribute_error():
    import pipelines

    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = pipelines.nothing
