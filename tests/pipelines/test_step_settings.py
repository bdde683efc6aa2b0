"""The part of the settings that each step depends on."""

from pathlib import Path

import pytest

from pipelines.step_settings import (
    ensemble_settings,
    gate_settings,
    lipsync_settings,
    member_settings,
    plan_gates,
    shortcut_level,
)
from unmask.config import (
    EnsembleSettings,
    EvaluationSettings,
    Gate,
    LipSyncSettings,
    Settings,
    TrainingSettings,
    UncertaintySettings,
    ValidationSettings,
    load_settings,
)
from unmask.training.devices import count_devices, training_device

SETTINGS = Settings(seed=3)


def test_settings_of_other_steps_do_not_reach_a_step():
    changed = SETTINGS.replace(
        evaluation=EvaluationSettings(resamples=7), training=TrainingSettings(epochs=2)
    )
    assert lipsync_settings(changed) == lipsync_settings(SETTINGS)
    assert ensemble_settings(changed) == ensemble_settings(SETTINGS)
    assert member_settings(changed) != member_settings(SETTINGS)
    assert member_settings(changed)[0].evaluation == EvaluationSettings()


def test_every_member_is_trained_on_the_devices_of_the_run():
    overrides = ["training.devices=2", "training.accelerator=cpu", "ensemble.members=2"]
    members = member_settings(load_settings(phase=1, profile="demo", overrides=overrides))
    assert [count_devices(member.training) for member in members] == [2, 2]
    assert [training_device(member.training).type for member in members] == ["cpu", "cpu"]


def test_own_settings_reach_each_step():
    changed = SETTINGS.replace(
        sync=LipSyncSettings(epochs=99), uncertainty=UncertaintySettings(fpr=0.2)
    )
    assert lipsync_settings(changed).sync.epochs == 99
    assert ensemble_settings(changed).uncertainty.fpr == 0.2
    assert ensemble_settings(changed).seed == 3
    assert member_settings(changed) == member_settings(SETTINGS)


@pytest.mark.parametrize("folds", [0, 5])
def test_detector_and_lip_sync_divide_validation_alike(folds):
    changed = SETTINGS.replace(
        validation=ValidationSettings(select_share=0.4, seed=2),
        training=TrainingSettings(cross_fit=folds),
    )
    for settings in (*member_settings(changed), lipsync_settings(changed)):
        assert settings.validation == changed.validation
        assert settings.training.cross_fit == folds


def test_each_member_has_the_next_seed():
    changed = SETTINGS.replace(ensemble=EnsembleSettings(members=3))
    assert [member.seed for member in member_settings(changed)] == [3, 4, 5]


@pytest.mark.parametrize(
    ("profile", "data", "level"),
    [("demo", "", "required"), ("demo", "folder", "reported"), ("full", "folder", "required")],
)
def test_gates_of_the_demo_only_report_on_other_data(profile, data, level):
    gates = SETTINGS.gates.replace(auc=Gate(limit=0.75, level="required"))
    result = gate_settings(SETTINGS.replace(profile=profile, gates=gates), data)
    assert (result.auc.limit, result.auc.level) == (0.75, level)


def test_every_profile_is_compared_with_the_targets_of_full(monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[2])  # of the project's own settings
    demo, full = (load_settings("params.yaml", 3, profile) for profile in ("demo", "full"))
    plan = plan_gates(demo)
    assert (plan.gates, plan.targets) == (demo.gates, full.gates)
    assert plan_gates(demo, ("folder",)).gates == gate_settings(demo, ("folder",))
    assert [plan_gates(each).expects_sealed for each in (demo, full)] == [False, True]


def test_shortcuts_fail_the_pinned_set_only():
    assert (shortcut_level(""), shortcut_level("folder")) == ("required", "reported")
