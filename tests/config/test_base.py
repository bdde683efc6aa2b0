"""Settings models: strict types, error messages, copies, stored form."""

import pickle
from dataclasses import dataclass

import pytest
from pydantic import ConfigDict

from unmask.config import (
    AttackSettings,
    CodecSettings,
    GateSettings,
    ModelSettings,
    Settings,
    TrainingSettings,
    from_dict,
    to_dict,
)
from unmask.errors import ConfigError


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (ModelSettings, {"flow": 1}, "flow is 1; expected true or false"),
        (TrainingSettings, {"epochs": True}, "epochs is True; expected a whole number"),
        (TrainingSettings, {"epochs": 2.0}, "epochs is 2.0; expected a whole number"),
        (TrainingSettings, {"audio_s": False}, "audio_s is False; expected a number"),
        (TrainingSettings, {"audio_s": "4"}, "audio_s is '4'; expected a number"),
        (ModelSettings, {"frame_backbone": True}, "frame_backbone is True; expected text"),
        (ModelSettings, {"voice_layers": "sum"}, "voice_layers is 'sum'; use 'last' or 'weighted'"),
        (AttackSettings, {"epsilons": 0.05}, "epsilons is 0.05; expected a list, such as [0.05]"),
        (AttackSettings, {"epsilons": [0.1, "a"]}, "epsilons is 'a'; expected a number"),
        (CodecSettings, {"cells": ["theora:3"]}, "cells is 'theora:3'; use half, or a codec"),
        (GateSettings, {"auc": 0.9}, "auc is 0.9; expected a block of settings"),
        (GateSettings, {"auc": {}}, "auc.limit is missing"),
        (GateSettings, {"codec_gap": {"limit": 0.1, "x": 1}}, "unknown key under codec_gap: x; "),
        (
            GateSettings,
            {"sources": [{"source": "ffpp", "limit": 0.1}, {"sorce": "x"}]},
            "unknown key under sources: sorce; known: ",
        ),
    ],
)
def test_a_wrong_value_is_named_with_its_key_and_a_remedy(kind, values, message):
    with pytest.raises(ConfigError) as refused:
        from_dict(kind, values)
    assert message in str(refused.value)


def test_all_problems_are_listed_one_per_line():
    with pytest.raises(ConfigError) as refused:
        from_dict(Settings, {"training": {"epochs": 0, "epoch": 3}}, "params.yaml")
    first, second = str(refused.value).splitlines()
    assert first == "params.yaml.training.epochs is 0; use 1 or more"
    assert second.startswith("unknown key under params.yaml.training: epoch; known: accelerator, ")


def test_a_whole_number_is_accepted_as_a_number_and_a_number_as_text():
    settings = from_dict(TrainingSettings, {"audio_s": 3, "precision": 32})
    assert settings.audio_s == 3.0
    assert isinstance(settings.audio_s, float)
    assert settings.precision == "32"


def test_a_copy_is_validated():
    settings = ModelSettings()
    changed = settings.replace(dropout=0.5)
    assert (changed.dropout, settings.dropout) == (0.5, 0.3)
    assert changed.replace(dropout=0.3) == settings
    for wrong in ({"dropout": 2.0}, {"drop": 0.1}):
        with pytest.raises(ConfigError, match="drop"):
            settings.replace(**wrong)


def test_settings_are_frozen_hashable_and_can_be_sent_to_another_process():
    settings = Settings()
    with pytest.raises(ValueError, match="frozen"):
        settings.seed = 8
    assert len({settings, Settings(), Settings(seed=8)}) == 2
    assert pickle.loads(pickle.dumps(settings)) == settings


def test_a_renamed_field_is_read_under_both_keys_and_stored_under_the_first():
    renamed = ((ModelSettings, "trainable", "tuned", "norms"),)
    renamed += ((TrainingSettings, "fake_source", "fakes", "both"),)
    renamed += ((TrainingSettings, "detach_fusion", "detached", True),)
    for kind, name, stored, value in renamed:
        settings = from_dict(kind, {stored: value})
        assert settings == from_dict(kind, {name: value}) == kind().replace(**{name: value})
        assert getattr(settings, name) == to_dict(settings)[stored] == value
        assert name not in to_dict(settings)


def test_a_dataclass_is_read_and_written_too():
    @dataclass(frozen=True)
    class Threshold:
        __pydantic_config__ = ConfigDict(extra="forbid")

        low: float = 0.0

    assert to_dict(from_dict(Threshold, {"low": 1})) == {"low": 1.0}
    with pytest.raises(ConfigError, match="unknown key under the top level: high; known: low"):
        from_dict(Threshold, {"high": 1})
