from pathlib import Path

import pytest

from tests.factories import make_clip
from unmask.config import Settings
from unmask.errors import ConfigError
from unmask.evaluation.ablation_analysis import REFERENCE, RunScores
from unmask.training.experiments.ablation import (
    COMPONENTS,
    ENSEMBLE,
    AblationRun,
    added_components,
    expectations,
    group_by_component,
    plan_runs,
    report_notes,
    run_key,
)

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def in_the_checkout(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_every_component_is_switched_off_alone_once_per_seed():
    runs = plan_runs(3, "full", (7, 8))
    by_name = {}
    for run in runs:
        by_name.setdefault(run.name, []).append(run.settings)
    assert runs[0].name == REFERENCE
    for name, settings in by_name.items():
        assert [item.seed for item in settings] == [7, 8]
        if name not in (REFERENCE, ENSEMBLE):
            assert settings[0] != by_name[REFERENCE][0]
            assert settings[0].ensemble.members == 1
    assert by_name[ENSEMBLE][0].ensemble.members == 5


def test_a_component_that_the_phase_lacks_has_no_run():
    names = {run.name for run in plan_runs(1, "demo", (7,))}
    assert "optical flow" not in names
    assert {"VAD mask", "modality dropout", "temporal consistency"} <= names
    assert ENSEMBLE not in names


def test_a_component_that_the_profile_leaves_off_is_switched_on():
    runs = plan_runs(3, "demo", (7,))
    added = {run.name: run for run in runs if run.added}
    names = {"forged twins", "adversarial training", "re-encoded copies", "other augmentation"}
    assert set(added) == {*names, ENSEMBLE}
    assert added["forged twins"].settings.training.fake_source == "both"


def test_without_codecs_in_training_no_codec_is_left():
    names = ["codecs in training", "re-encoded copies"]
    _, codecs, copies = (run.settings.augmentation for run in plan_runs(3, "full", (7,), names))
    assert (codecs.codec, codecs.reencode) == (0, 0)
    assert copies.codec > 0 == copies.reencode


def test_only_runs_with_another_inference_are_timed():
    timed = {run.name: run.timed for run in plan_runs(3, "demo", (7,))}
    assert {name for name, is_timed in timed.items() if not is_timed} == {
        "temporal consistency",
        "frame-level losses",
        "partial forgeries",
        "forged twins",
        "paired batches",
        "adversarial training",
        "codecs in training",
        "re-encoded copies",
        "other augmentation",
    }


def test_no_two_runs_share_a_key():
    """The key of a fit ignores lip-sync, passes and members, which an ablation varies."""
    runs = plan_runs(3, "demo", (7, 8))
    assert len({run_key((), run.settings) for run in runs}) == len(runs)


def test_the_key_does_not_depend_on_gates():
    keys = {
        run_key((), plan_runs(3, "demo", (7,), overrides=[f"gates.auc.limit={limit}"])[0].settings)
        for limit in (0.7, 0.8)
    }
    assert len(keys) == 1


def test_an_unknown_component_is_named():
    with pytest.raises(ConfigError, match="no component telepathy; use VAD mask, "):
        plan_runs(3, "demo", (7,), ["telepathy"])


def test_every_component_of_the_last_phase_can_be_switched_off():
    overrides = ["training.fake_source=both", "preprocessing.source_faces.enabled=true"]
    names = {run.name for run in plan_runs(3, "full", (7,), overrides=overrides)}
    assert names == {component.name for component in COMPONENTS} | {REFERENCE, ENSEMBLE}


def test_the_reference_can_be_run_alone():
    runs = plan_runs(1, "demo", (7, 8), components=[REFERENCE])
    assert [(run.name, run.settings.seed) for run in runs] == [(REFERENCE, 7), (REFERENCE, 8)]
    names = [run.name for run in plan_runs(3, "demo", (7,), components=[REFERENCE, ENSEMBLE])]
    assert names == [REFERENCE, ENSEMBLE]


def test_results_are_grouped_by_component():
    reference, flow, twins = (
        AblationRun(name, Settings(), added=added)
        for name, added in ((REFERENCE, False), ("optical flow", False), ("forged twins", True))
    )
    scores = [RunScores(seed, (), None) for seed in range(4)]
    results = list(zip((reference, reference, flow, twins), scores, strict=True))
    assert group_by_component(results) == {
        REFERENCE: scores[:2],
        "optical flow": scores[2:3],
        "forged twins": scores[3:],
    }
    assert added_components(results) == {"forged twins"}


def test_every_component_has_an_expected_gain():
    expected = expectations()
    assert set(expected) == {component.name for component in COMPONENTS} | {ENSEMBLE}
    assert set(expected.values()) == {"large", "small", "unknown"}


def test_the_notes_count_test_clips_and_name_overrides():
    clips = [make_clip(clip_id=str(n), identity=str(n // 2), split="test") for n in range(6)]
    notes = " ".join(report_notes([*clips, make_clip(split="val")], ["training.epochs=3"]))
    assert "6 test clips of 3 people" in notes
    assert "Every run with training.epochs=3." in notes


def test_clips_of_a_set_for_testing_alone_are_not_scored():
    clips = [make_clip(clip_id=str(n), identity=str(n // 2), split="test", fake_video=n % 2 == 0)
             for n in range(6)]  # fmt: skip
    unseen = make_clip(clip_id="u", identity="u", split="test", source="unseen")
    notes = " ".join(report_notes([*clips, make_clip(split="val"), unseen], []))
    assert "6 test clips of 3 people" in notes
    assert "Not in this report: unseen, which has no training clips;" in notes
