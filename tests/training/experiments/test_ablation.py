"""What an ablation trains."""

from pathlib import Path

import pytest

from unmask.errors import ConfigError
from unmask.training.experiments.ablation import (
    COMPONENTS,
    ENSEMBLE,
    REFERENCE,
    plan_key,
    plan_runs,
)

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def in_the_checkout(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_every_component_is_switched_off_once_per_seed_and_nothing_else_with_it():
    made = plan_runs(3, "full", (7, 8))
    by_name = {}
    for plan in made:
        by_name.setdefault(plan.name, []).append(plan.settings)
    assert made[0].name == REFERENCE
    for name, settings in by_name.items():
        assert [one.seed for one in settings] == [7, 8]
        if name not in (REFERENCE, ENSEMBLE):
            assert settings[0] != by_name[REFERENCE][0]
    alone = {one.ensemble.members for name, found in by_name.items() for one in found[:1]
             if name != ENSEMBLE}  # fmt: skip
    assert alone == {1}
    assert by_name[ENSEMBLE][0].ensemble.members == 5


def test_what_is_off_already_is_not_trained_again():
    names = {plan.name for plan in plan_runs(1, "demo", (7,))}
    assert "optical flow" not in names  # phase 1 has none
    assert {"VAD mask", "modality dropout", "temporal consistency"} <= names
    assert ENSEMBLE not in names


def test_what_the_demo_leaves_off_is_switched_on():
    added = {plan.name for plan in plan_runs(3, "demo", (7,)) if plan.added}
    assert added == {"forged twins", "adversarial training", "other augmentation", ENSEMBLE}
    (twins,) = (one for one in plan_runs(3, "demo", (7,)) if one.name == "forged twins")
    assert twins.settings.training.fake_source == "both"


def test_time_is_told_of_what_answers_otherwise_alone():
    timed = {plan.name: plan.timed for plan in plan_runs(3, "demo", (7,))}
    training = {name for name, told in timed.items() if not told}
    assert training == {
        "temporal consistency",
        "forged twins",
        "paired batches",
        "adversarial training",
        "codecs in training",
        "other augmentation",
    }


def test_no_two_trainings_share_a_place():
    """A fit knows nothing of lip-sync, passes and members; an ablation has to tell them apart."""
    made = plan_runs(3, "demo", (7, 8))
    assert len({plan_key((), plan.settings) for plan in made}) == len(made)


def test_a_floor_that_was_moved_trains_nothing_again():
    keys = {
        plan_key((), plan_runs(3, "demo", (7,), overrides=[f"gates.auc.limit={limit}"])[0].settings)
        for limit in (0.7, 0.8)
    }
    assert len(keys) == 1


def test_a_component_that_does_not_exist_is_named():
    with pytest.raises(ConfigError, match="no component telepathy; use VAD mask, "):
        plan_runs(3, "demo", (7,), ["telepathy"])


def test_every_component_of_the_last_phase_can_be_switched_off():
    trained = {
        plan.name for plan in plan_runs(3, "full", (7,), overrides=["training.fake_source=both"])
    }
    assert trained == {one.name for one in COMPONENTS} | {REFERENCE, ENSEMBLE}


def test_the_reference_can_be_trained_alone():
    made = plan_runs(1, "demo", (7, 8), components=[REFERENCE])
    assert [(plan.name, plan.settings.seed) for plan in made] == [(REFERENCE, 7), (REFERENCE, 8)]
    names = [plan.name for plan in plan_runs(3, "demo", (7,), components=[REFERENCE, ENSEMBLE])]
    assert names == [REFERENCE, ENSEMBLE]
