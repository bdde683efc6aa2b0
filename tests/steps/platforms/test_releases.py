"""Openings of sealed splits in MLflow, with versions that hold no bundle."""

from types import SimpleNamespace

import mlflow
import pytest

from steps.platforms import mlflow_runs, model_registry, releases
from steps.platforms.run_summary import RunRequest
from tests.factories import make_evaluation
from unmask.config import Settings
from unmask.errors import GateError
from unmask.evaluation.baseline_comparison import BaselineComparison
from unmask.evaluation.gates import GateReport, GateResult

SEALED = "sealed:abc"


@pytest.fixture
def versions(checkout, tmp_path):
    """Two registered versions, the first of them trained beside the sealed split."""
    run = mlflow_runs.start_run(Settings(), "dvc:abc.dir", tmp_path / "fit")
    client, name = mlflow.MlflowClient(), model_registry.model_name(1)
    client.create_registered_model(name)
    for number in (1, 2):
        data_version = f"manifest:1 {SEALED}" if number == 1 else "manifest:1"
        tags = {
            "bundle_sha256": str(number) * 64,
            "data_version": data_version,
            "gates": "passed",
        }
        client.create_model_version(name, str(tmp_path), run, tags=tags)
    model_registry.set_alias(1, "1", model_registry.CHAMPION)
    return name


@pytest.fixture
def report(tmp_path):
    (tmp_path / "report").mkdir()
    (tmp_path / "report/metrics.json").write_text("{}")
    return tmp_path / "report"


def baseline():
    client = mlflow.MlflowClient()
    return str(client.get_model_version_by_alias("unmask-phase-1", "baseline").version)


def test_every_opening_of_a_split_is_counted_whichever_version_opens_it(versions, caplog):
    client = mlflow.MlflowClient()
    releases.count_opening(1, "", SEALED)
    assert caplog.text == ""
    releases.count_opening(1, "2", SEALED)
    assert "opening number 2 of the sealed split" in caplog.text
    assert "version 2 was trained without this sealed split" in caplog.text
    run = releases.count_opening(1, "1", "sealed:other")
    assert client.get_run(run).data.tags["sealed_openings"] == "1"
    openings = {v: client.get_model_version(versions, v).tags["sealed_openings"] for v in "12"}
    assert openings == {"1": "1", "2": "2"}


def test_an_opening_counts_even_if_its_run_was_deleted_or_never_ended(versions):
    first = releases.count_opening(1, "", SEALED)
    mlflow.MlflowClient().delete_run(first)
    second = mlflow.MlflowClient().get_run(releases.count_opening(1, "", SEALED))
    assert second.data.tags["sealed_openings"] == "2"


def test_a_version_that_is_not_registered_opens_nothing(versions):
    with pytest.raises(GateError, match="no version 9 is registered"):
        releases.count_opening(1, "9", SEALED)
    assert mlflow.search_runs(experiment_names=["unmask-releases"]).empty


@pytest.mark.parametrize(
    ("comparison", "gates", "expected"),
    [
        (BaselineComparison(), "passed", "2"),
        (BaselineComparison(), "short", "1"),
        (BaselineComparison(), "reported", "1"),
        (BaselineComparison("baseline", 0.8, 0.01, -0.02, 0.02, 40, 9), "passed", "2"),
        (BaselineComparison("baseline", 0.8, 0.01, -0.02, 0.02, 40, 9), "short", "1"),
        (BaselineComparison("baseline", 0.8, -0.001, -0.02, 0.02, 40, 9), "passed", "1"),
        (BaselineComparison("baseline", problem="it cannot be read"), "passed", "1"),
    ],
)
def test_only_a_release_that_passed_its_gates_and_loses_nothing_moves_the_baseline(
    versions, report, capsys, comparison, gates, expected
):
    model_registry.pin_baseline(1)
    mlflow.MlflowClient().set_model_version_tag(versions, "2", "gates", gates)
    run = releases.count_opening(1, "2", SEALED)
    releases.record_release(run, make_evaluation(split="sealed"), comparison, report)
    assert baseline() == expected
    assert ("did not pass its gates" in capsys.readouterr().out) == (gates != "passed")
    logged = mlflow.MlflowClient().get_run(run)
    assert logged.info.status == "FINISHED"
    assert logged.data.metrics["auc"] == 0.875
    assert (releases.RELEASES / run / "metrics.json").is_file()


def test_the_baseline_is_the_first_promoted_version_and_does_not_follow_the_champion(versions):
    model_registry._pin_first_baseline(1, "2")  # of before there was one: the champion so far
    assert baseline() == "1"
    model_registry.set_alias(1, "2", model_registry.CHAMPION)
    model_registry._pin_first_baseline(1, "2")
    assert baseline() == "1"
    assert model_registry.pin_baseline(1) == baseline() == "2"
    with pytest.raises(GateError, match="no version 7 is registered"):
        model_registry.pin_baseline(1, "7")


@pytest.mark.parametrize("gates", ["short", "reported", ""])
def test_a_version_that_passed_no_gates_cannot_be_pinned(versions, gates):
    client = mlflow.MlflowClient()
    client.delete_model_version_tag(versions, "2", "gates")
    if gates:
        client.set_model_version_tag(versions, "2", "gates", gates)
    with pytest.raises(GateError, match=r"version 2 passed no required gates.*baseline_drop"):
        model_registry.pin_baseline(1, "2")
    assert "baseline" not in client.get_registered_model(versions).aliases


def test_a_champion_of_before_gates_were_recorded_can_be_pinned(versions):
    mlflow.MlflowClient().delete_model_version_tag(versions, "1", "gates")
    assert model_registry.pin_baseline(1) == "1"


@pytest.mark.parametrize(
    ("level", "passed", "gates"),
    [
        ("required", True, "passed"),
        ("required", False, "short"),
        ("reported", False, "reported"),
    ],
)
def test_a_version_that_is_evaluated_again_has_the_result_of_its_last_gates(
    versions, tmp_path, monkeypatch, level, passed, gates
):
    monkeypatch.setattr(model_registry, "register", lambda *_: "2")  # registered already
    monkeypatch.setattr(model_registry, "load_bundle", lambda _: SimpleNamespace(sha256="2" * 64))
    mlflow.MlflowClient().set_model_version_tag(versions, "2", "gates", "unknown")
    row = GateResult("auc", 0.8, 0.9, "at least", level, passed, "message")
    model_registry.register_candidate(
        "run-7",
        tmp_path,
        make_evaluation(),
        GateReport((row,), passed or level == "reported"),
        "dvc:abc.dir",
        RunRequest(1, "demo", ""),
    )
    assert mlflow.MlflowClient().get_model_version(versions, "2").tags["gates"] == gates
    assert model_registry.has_passed_gates(1, "2") == (gates == "passed")
