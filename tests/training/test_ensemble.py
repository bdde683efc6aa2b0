"""Members of an ensemble: what each is trained under, and all of them in one bundle."""

from dataclasses import replace

import pytest

from unmask.config import EnsembleSettings, Settings
from unmask.errors import ConfigError
from unmask.models.bundle import load_bundle
from unmask.models.frame import FrameEncoder
from unmask.training.ensemble import join_members, member_settings
from unmask.training.fit import fit_features
from unmask.training.module import DetectorModule
from unmask.training.trainer import HISTORY


def ensemble(members, **more):
    settings = Settings(seed=7)
    return replace(settings, ensemble=EnsembleSettings(members=members, **more))


def test_a_single_member_is_trained_as_if_it_were_alone():
    (only,) = member_settings(ensemble(1, dropouts=(0.5,), rate_factors=(2.0,)))
    assert only == Settings(seed=7)


def test_members_differ_in_seed_dropout_and_rate_and_in_nothing_else():
    made = member_settings(ensemble(4, dropouts=(0.1, 0.5), rate_factors=(2.0,)))
    assert [one.seed for one in made] == [7, 8, 9, 10]
    first = Settings().model.dropout
    assert [one.model.dropout for one in made] == [first, 0.1, 0.5, 0.1]
    rate = Settings().training.learning_rate
    assert [one.training.learning_rate for one in made] == [rate, 2 * rate, 2 * rate, 2 * rate]
    same = {
        replace(
            one,
            seed=0,
            model=replace(one.model, dropout=0.0),
            training=replace(one.training, learning_rate=1.0),
        )
        for one in made
    }
    assert len(same) == 1


def test_two_dropouts_and_two_rates_make_four_different_members():
    made = member_settings(ensemble(5, dropouts=(0.2, 0.4), rate_factors=(0.5, 2.0)))[1:]
    pairs = {(one.model.dropout, one.training.learning_rate) for one in made}
    assert len(pairs) == 4


def test_members_beside_the_first_may_learn_for_fewer_epochs():
    settings = ensemble(3, epochs=4)
    assert [one.training.epochs for one in member_settings(settings)] == [30, 4, 4]


def test_an_ensemble_of_nobody_is_refused():
    with pytest.raises(ConfigError, match=r"ensemble\.members is 0"):
        member_settings(ensemble(0))


def test_a_member_that_takes_over_a_frame_encoder_leaves_it_as_it_was(
    toy_clips, toy_load, tiny_settings, tmp_path
):
    first = fit_features(toy_clips, tiny_settings, toy_load, tmp_path)
    second = fit_features(
        toy_clips, replace(tiny_settings, seed=8), toy_load, tmp_path, frames_of=first
    )
    one, other = load_bundle(first).detector, load_bundle(second).detector
    taken = other.frame.state_dict()
    assert all(value.equal(taken[name]) for name, value in one.frame.state_dict().items())
    assert not one.head[0].weight.equal(other.head[0].weight)
    joined = load_bundle(
        join_members([first, second], tmp_path / "none", tiny_settings, tmp_path / "both")
    )
    assert len(joined.members) == 2
    assert joined.members[0].frame.project.weight is joined.members[1].frame.project.weight
    assert joined.provenance["seed"] == f"{tiny_settings.seed} 8"


def test_faces_of_a_frozen_encoder_are_validated_on_without_encoding_them_twice(
    toy_clips, toy_load, tiny_settings, tmp_path, monkeypatch
):
    first = fit_features(toy_clips, tiny_settings, toy_load, tmp_path)
    encoded, forward = [], FrameEncoder.forward

    def counting(self, frames, flow):
        encoded.append(len(frames))
        return forward(self, frames, flow)

    def history(out):
        encoded.clear()
        other = replace(tiny_settings, seed=8)
        bundle = fit_features(toy_clips, other, toy_load, out, frames_of=first)
        return (bundle.parent / HISTORY).read_text()

    monkeypatch.setattr(FrameEncoder, "forward", counting)
    remembered, faces = history(tmp_path / "once"), sum(encoded)
    monkeypatch.setattr(DetectorModule, "_faces", lambda *_: None)
    assert history(tmp_path / "each-time") == remembered
    assert sum(encoded) - faces == 12 * 5  # validation clips and their faces, in a second epoch
