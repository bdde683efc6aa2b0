"""Data sets that the settings name."""

from pathlib import Path
from typing import get_args

import pytest

from unmask.config import DataSetSettings, from_dict, load_settings
from unmask.config.settings import Settings
from unmask.data.datasets.roles import ROLES
from unmask.data.datasets.settings_sources import apply_sources
from unmask.data.datasets.several import DataSource, parse_data_source
from unmask.errors import ConfigError

SOURCES = [
    {"name": "ffpp", "folder": "sets/FF++:c23=raw", "weight": 2},
    {"name": "celebdf", "folder": "sets/Celeb-DF-v2", "role": "test"},
]


def make_settings(**training):
    training = {"balanced": True, **training}
    return from_dict(Settings, {"data": {"sources": SOURCES}, "training": training})


def weights_of(settings):
    return {each.source: each.weight for each in settings.training.source_weights}


def test_the_sets_of_the_settings_are_those_of_a_run_that_is_given_none():
    settings, data = apply_sources(make_settings(), ())
    assert [parse_data_source(text) for text in data] == [
        DataSource("ffpp", Path("sets/FF++:c23=raw"), "both"),
        DataSource("celebdf", Path("sets/Celeb-DF-v2"), "test"),
    ]
    assert weights_of(settings) == {"ffpp": 2}


def test_sets_that_are_given_replace_those_of_the_settings_and_their_weights():
    before = make_settings()
    assert apply_sources(before, ["elsewhere"]) == (before, ("elsewhere",))
    assert apply_sources(Settings(), ()) == (Settings(), ())


def test_weights_join_those_of_training_unless_they_differ():
    other = {"source": "lavdf", "weight": 3.0}
    merged, _ = apply_sources(make_settings(source_weights=[other]), ())
    assert weights_of(merged) == {"lavdf": 3, "ffpp": 2}
    same, _ = apply_sources(make_settings(source_weights=[{"source": "ffpp", "weight": 2.0}]), ())
    assert weights_of(same) == {"ffpp": 2}
    differing = make_settings(source_weights=[{"source": "ffpp", "weight": 0.5}])
    with pytest.raises(ConfigError, match=r"gives ffpp the weight 2 and .* 0\.5; remove one"):
        apply_sources(differing, ())


def test_weights_that_are_given_count_before_those_of_training(caplog):
    given = [{"source": "ffpp", "weight": 3.0}, {"source": "lavdf", "weight": 4.0}]
    data = ["ffpp=sets/a:b:train:2", "celebdf=c:test"]
    settings, listed = apply_sources(make_settings(source_weights=given), data)
    assert weights_of(settings) == {"ffpp": 2, "lavdf": 4}
    assert listed == ("ffpp=sets/a:b:train", "celebdf=c:test")
    assert "--data gives ffpp the weight 2, which counts, not the 3" in caplog.text
    with pytest.raises(ConfigError, match=r"--data gives ffpp .*training\.balanced=true"):
        apply_sources(make_settings(balanced=False), data)


def test_every_role_can_be_set():
    assert set(get_args(DataSetSettings.model_fields["role"].annotation)) == set(ROLES)


def test_an_override_replaces_the_list():
    override = "data.sources=[{name: dfdc, folder: ../DFDC, role: train}]"
    _, data = apply_sources(load_settings(phase=1, profile="full", overrides=[override]), ())
    assert data == ("dfdc=../DFDC:train",)


def test_weight_of_a_set_that_is_never_trained_on_is_refused():
    sources = [{**SOURCES[1], "weight": 2.0}]
    settings = from_dict(Settings, {"data": {"sources": sources}})
    with pytest.raises(ConfigError, match="celebdf a weight, but the role test"):
        apply_sources(settings, ())


def test_a_weight_without_balanced_draws_is_refused():
    settings = make_settings(balanced=False)
    with pytest.raises(ConfigError, match=r"data\.sources gives ffpp .*training\.balanced=true"):
        apply_sources(settings, ())
    assert apply_sources(settings, ["elsewhere"]) == (settings, ("elsewhere",))
