"""Members of an ensemble: what each is trained under, and all of them in one bundle."""

from dataclasses import replace

import pytest
import torch

from unmask.config import EnsembleSettings, Settings, TrainingSettings
from unmask.data.torch.collate import collate_examples
from unmask.data.torch.evaluation_set import EvaluationClips
from unmask.errors import ConfigError
from unmask.models.backbones.frame_encoder import FrameEncoder
from unmask.models.bundle import load_bundle
from unmask.preprocessing.cache import Cache
from unmask.training.detector.ensemble import build_ensemble_bundle, member_settings
from unmask.training.detector.fit import FrozenFrameEncoder, can_cache_face_features, fit_features
from unmask.training.detector.frozen_features import extract_face_features
from unmask.training.detector.trainer import HISTORY


def ensemble(members, **more):
    settings = Settings(seed=7)
    return settings.replace(ensemble=EnsembleSettings(members=members, **more))


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
        one.replace(
            seed=0,
            model=one.model.replace(dropout=0.0),
            training=one.training.replace(learning_rate=1.0),
        )
        for one in made
    }
    assert len(same) == 1


def test_two_dropouts_and_two_rates_make_four_different_members():
    made = member_settings(ensemble(5, dropouts=(0.2, 0.4), rate_factors=(0.5, 2.0)))[1:]
    pairs = {(one.model.dropout, one.training.learning_rate) for one in made}
    assert len(pairs) == 4


def test_an_ensemble_of_nobody_is_refused():
    with pytest.raises(ConfigError, match=r"ensemble\.members is 0"):
        member_settings(ensemble(0))


def test_a_member_that_takes_over_a_frame_encoder_leaves_it_as_it_was(
    toy_clips, toy_load, tiny_settings, tmp_path
):
    first = fit_features(toy_clips, tiny_settings, toy_load, tmp_path)
    second = fit_features(
        toy_clips,
        tiny_settings.replace(seed=8),
        toy_load,
        tmp_path,
        taken=FrozenFrameEncoder(first),
    )
    one, other = load_bundle(first).first_member, load_bundle(second).first_member
    taken = other.frame.state_dict()
    assert all(value.equal(taken[name]) for name, value in one.frame.state_dict().items())
    assert not one.head[0].weight.equal(other.head[0].weight)
    joined = load_bundle(
        build_ensemble_bundle([first, second], tmp_path / "none", tiny_settings, tmp_path / "both")
    )
    assert len(joined.members) == 2
    assert joined.members[0].frame.project.weight is joined.members[1].frame.project.weight
    assert joined.provenance["seed"] == f"{tiny_settings.seed} 8"


def test_faces_of_a_frozen_encoder_are_encoded_once_for_all_members_that_follow(
    toy_clips, toy_load, tiny_settings, tmp_path, monkeypatch
):
    first = fit_features(toy_clips, tiny_settings, toy_load, tmp_path)
    cache, encoded, forward = Cache(tmp_path / "cache"), [], FrameEncoder.forward

    def counting(self, frames, flow):
        encoded.append(len(frames))
        return forward(self, frames, flow)

    def load(clip):
        features = toy_load(clip)
        return replace(features, info=replace(features.info, sha256=clip.clip_id))

    def history(seed):
        other = tiny_settings.replace(seed=seed)
        bundle = fit_features(
            toy_clips, other, load, tmp_path, None, FrozenFrameEncoder(first, cache)
        )
        return (bundle.parent / HISTORY).read_text()

    monkeypatch.setattr(FrameEncoder, "forward", counting)
    second = history(8)
    some = [clip for clip in toy_clips if clip.split != "test"]
    assert sum(encoded) == sum(len(load(clip).people[0].faces) for clip in some)
    third = history(9)
    assert sum(encoded) == sum(len(load(clip).people[0].faces) for clip in some)
    assert second != third


def test_vectors_are_what_the_encoder_says_of_the_same_frames(
    toy_clips, toy_load, tiny_settings, tmp_path
):
    base = load_bundle(fit_features(toy_clips, tiny_settings, toy_load, tmp_path))
    val = [clip for clip in toy_clips if clip.split == "val"][:3]
    vectors = extract_face_features(base, val, toy_load, None, torch.device("cpu"))
    examples = EvaluationClips(val, toy_load, 2, vectors)
    batch = collate_examples([examples[number] for number in range(3)], base.settings)
    with torch.inference_mode():
        expected = base.first_member.encode_frames(batch.batch)
    torch.testing.assert_close(batch.frame_features, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("change", [{"fake_source": "both"}, {"adversarial_epsilon": 0.05}])
def test_where_faces_are_changed_while_training_they_are_not_encoded_beforehand(change):
    assert can_cache_face_features(TrainingSettings())
    assert not can_cache_face_features(TrainingSettings(**change))
