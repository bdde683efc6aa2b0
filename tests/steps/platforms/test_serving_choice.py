"""Which detector is served: registered versions and bundles without weights, a real registry."""

import json
from dataclasses import replace
from pathlib import Path

import mlflow
import pytest

from steps.platforms import mlflow_runs, model_registry, run_summary, serving_choice
from steps.platforms.champion_store import publish_champion
from steps.platforms.run_summary import RunRequest, Summary
from tests.factories import make_evaluation
from unmask.config import Settings
from unmask.evaluation.baseline_comparison import BaselineComparison
from unmask.evaluation.gates import GateReport, GateResult

BETTER = BaselineComparison("served champion 12", auc=0.844, difference=0.09, clips=84)
WORSE = BaselineComparison("served champion 12", auc=0.934, difference=-0.09, clips=84)
BROKEN = BaselineComparison("the served champion", problem="it cannot be compared: schema 99")


def make_gates(level="required", passed=True):
    row = GateResult("auc", 0.8, 0.9, "at least", level, passed, "message")
    return GateReport((row,), passed or level == "reported")


def make_bundle(phase, profile="demo", manifest="m"):
    folder = Path(f"phase-{phase}-{profile}-{manifest}")
    folder.mkdir()
    content = {"phase": phase, "profile": profile, "provenance": {"manifest_sha256": manifest}}
    (folder / "bundle.json").write_text(json.dumps(content))
    return folder


@pytest.fixture
def register(checkout, monkeypatch):
    """Register a bundle as a new version and write the summary of its run."""
    monkeypatch.setattr(serving_choice, "build_bento", lambda bundle: f"unmask:{bundle.name}")
    monkeypatch.setattr(serving_choice, "publish_champion", lambda *a, **_: publish_champion(*a))

    def write(phase, gates):
        client, name = mlflow.MlflowClient(), model_registry.model_name(phase)
        run = mlflow_runs.start_run(Settings(phase=phase), "dvc:abc.dir", checkout / str(phase))
        client.create_registered_model(name)
        version = client.create_model_version(name, str(checkout), run).version
        request = RunRequest(phase, "demo", "")
        facts = run, name, str(version), "champion", make_evaluation(), gates
        run_summary.save(Summary(request, "dvc:abc.dir", *facts))

    return write


def serve(bundle, comparison, *, gates=None, promote=False):
    return serving_choice.serve_candidate(
        bundle, gates or make_gates(), comparison, promote=promote
    )


def served_phase():
    return json.loads(Path("outputs/champion/bundle.json").read_text())["phase"]


def tag_of(phase):
    name = model_registry.model_name(phase)
    return mlflow.MlflowClient().get_model_version(name, "1").tags["served"]


def test_a_worse_detector_of_another_phase_is_registered_but_not_served(register):
    register(3, make_gates())
    assert serve(make_bundle(3), BaselineComparison()) == "unmask:champion"
    register(1, make_gates())
    assert serve(make_bundle(1), WORSE) == ""
    assert served_phase() == 3
    summary = run_summary.load()
    assert summary.bento is None
    assert not summary.serving.is_served
    reason = summary.serving.reason
    served = "of the served champion (phase 3, profile demo)"
    assert reason.startswith(f"AUC 0.844 against 0.934 {served} on the same 84 test clips; ")
    assert "`--promote`" in reason
    assert tag_of(1) == f"NO: {reason}"
    assert tag_of(3) == "yes: there is no other champion"


def test_a_detector_that_is_promoted_takes_the_place_of_a_better_one(register):
    publish_champion(make_bundle(3))
    register(1, make_gates())
    assert serve(make_bundle(1), WORSE, promote=True) == "unmask:champion"
    assert served_phase() == 1
    summary = run_summary.load()
    assert summary.serving.is_served
    assert summary.bento == "unmask:champion"


@pytest.mark.usefixtures("checkout")
@pytest.mark.parametrize(
    ("comparison", "promote", "is_served"),
    [
        (BETTER, False, True),
        (WORSE, False, False),
        (replace(WORSE, difference=0.0), False, False),  # as good is not better
        (BROKEN, False, False),
        (WORSE, True, True),
        (BROKEN, True, True),
    ],
)
def test_the_served_champion_changes_for_a_better_detector_or_on_request(
    comparison, promote, is_served
):
    publish_champion(make_bundle(3))
    choice = serving_choice.choose_served(make_bundle(1), comparison, promote=promote)
    assert choice.is_served == is_served
    assert ("--promote asks" in choice.reason) == promote
    assert ("schema 99" in choice.reason) == (comparison is BROKEN)


@pytest.mark.usefixtures("checkout")
def test_the_served_detector_itself_has_no_rival():
    bundle = make_bundle(3)
    publish_champion(bundle)
    assert not serving_choice.has_rival(bundle)
    assert serving_choice.choose_served(bundle, BaselineComparison(), promote=False).is_served


@pytest.mark.usefixtures("checkout")
@pytest.mark.parametrize(("level", "passed"), [("required", False), ("reported", True)])
def test_only_a_promotable_detector_is_served_whoever_asks(level, passed):
    assert serve(make_bundle(1), BETTER, gates=make_gates(level, passed), promote=True) == ""
    assert [path.name for path in Path("outputs").iterdir()] == ["mlflow.db"]


@pytest.mark.usefixtures("checkout")
def test_a_demo_detector_does_not_replace_one_of_real_footage():
    publish_champion(make_bundle(1, "field"))
    choice = serving_choice.choose_served(make_bundle(3), BETTER, promote=False)
    assert not choice.is_served
    assert "a demo detector does not replace one of another profile" in choice.reason
    better = serving_choice.choose_served(make_bundle(3, "full"), BETTER, promote=False)
    assert better.is_served


@pytest.mark.usefixtures("checkout")
@pytest.mark.parametrize("manifest", ["m", "n"])
def test_a_champion_of_other_training_clips_is_named_as_such(manifest):
    publish_champion(make_bundle(3))
    candidate = make_bundle(1, manifest=manifest)
    reason = serving_choice.choose_served(candidate, WORSE, promote=False).reason
    assert ("trained on another list of clips" in reason) == (manifest == "n")
