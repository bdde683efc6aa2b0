"""The same clip wavers the same way, and only as much as dropout makes it."""

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from unmask.config import PreprocessingSettings
from unmask.models.bundle import Bundle
from unmask.models.calibration.platt import Calibration
from unmask.models.ensemble.mc_dropout import content_seed, summarise
from unmask.models.inference import score_samples


@pytest.fixture
def bundle(tiny, make_detector):
    def make(*seeds, **changes):
        members = tuple(make_detector(tiny, seed, **changes) for seed in seeds or (0,))
        return Bundle(members, PreprocessingSettings(), Calibration(2.0), 2, "demo")

    return make


def passes_of(bundle, sample, passes=10):
    return score_samples(bundle, [sample], "32", passes)[0]


@pytest.mark.parametrize("temporal", ["conv", "transformer"])
@pytest.mark.parametrize("fusion", ["concat", "attention"])
def test_passes_differ_and_no_chance_outside_decides_them(bundle, make_sample, temporal, fusion):
    parts = bundle(temporal=temporal, fusion=fusion)
    first = passes_of(parts, make_sample(4, 9000))
    torch.rand(7)  # whatever else draws from torch's generator meanwhile
    before = torch.get_rng_state()
    second = passes_of(parts, replace(make_sample(4, 9000)))
    assert torch.equal(before, torch.get_rng_state())  # and nobody else's chance is changed
    assert np.array_equal(first.pass_probabilities, second.pass_probabilities)
    assert len(set(first.pass_probabilities)) == 10
    other = passes_of(parts, make_sample(4, 9000, seed=1))
    assert not np.allclose(first.pass_probabilities, other.pass_probabilities)


def test_passes_change_no_answer_and_none_are_made_unless_asked_for(bundle, make_sample):
    parts, sample = bundle(0, 1), make_sample(4, 9000)
    plain, wavering = passes_of(parts, sample, 0), passes_of(parts, sample, 5)
    assert plain.pass_probabilities is None
    assert plain.pass_logits is None
    assert plain.logit == wavering.logit == passes_of(parts, sample, 0).logit
    assert wavering.pass_logits.shape == (10,)  # of two members
    assert not any(module.training for member in parts.members for module in member.modules())


def test_without_dropout_every_pass_is_the_answer_itself(bundle, make_sample):
    parts = bundle(0, 1, dropout=0.0)
    score = passes_of(parts, make_sample(4, 9000), 3)
    assert score.pass_logits == pytest.approx(np.repeat(score.member_logits, 3), abs=1e-5)


def test_more_dropout_wavers_more_and_centres_on_the_answer(bundle, make_sample):
    spreads = []
    for dropout in (0.05, 0.5):
        score = passes_of(bundle(dropout=dropout), make_sample(4, 9000), 200)
        spreads.append(score.pass_logits.std())
        assert abs(np.median(score.pass_logits) - score.logit) < 2 * score.pass_logits.std()
    assert spreads[1] > 2 * spreads[0] > 0


def test_the_backbones_run_once_however_many_passes(bundle, make_sample):
    parts = bundle()
    runs = []
    for module in (parts.first_member.frame.backbone, parts.first_member.voice.model.encoder):
        module.register_forward_hook(lambda module, *_: runs.append(type(module)))
    passes_of(parts, make_sample(4, 9000), 10)
    assert len(runs) == len(set(runs)) == 2


def test_threads_that_ask_at_once_get_the_same_as_one_after_the_other(bundle, make_sample):
    parts = bundle()
    samples = [make_sample(3, 8000, seed) for seed in range(4)]
    wanted = [passes_of(parts, sample) for sample in samples]
    found = {}
    threads = [
        threading.Thread(target=lambda n=n: found.__setitem__(n, passes_of(parts, samples[n])))
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, score in enumerate(wanted):
        assert found[number].logit == score.logit
        assert np.array_equal(found[number].passes, score.pass_probabilities)


def test_a_face_alone_and_a_voice_alone_waver_too(bundle, make_sample):
    for sample in (make_sample(4, 0), make_sample(0, 9000)):
        assert passes_of(bundle(), sample).pass_probabilities.std() > 0


def test_the_seed_is_the_content_and_not_the_object(make_sample):
    one, same = make_sample(2, 500), make_sample(2, 500)
    louder = replace(one, waveform=one.waveform * 1.01)
    other_face = replace(one, faces=one.faces + np.uint8(1))
    seeds = [content_seed(sample) for sample in (one, same, louder, other_face)]
    assert seeds[0] == seeds[1]
    assert len(set(seeds)) == 3
    assert all(0 <= seed < 2**62 for seed in seeds)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50), st.floats(0, 1))
def test_an_interval_holds_the_answer_and_most_of_the_passes(answers, given_answer):
    values = np.array(answers)
    spread = summarise(values, given_answer)
    assert 0 <= spread.low <= given_answer <= spread.high <= 1
    inside = (values >= spread.low - 1e-12) & (values <= spread.high + 1e-12)
    assert (~inside).sum() <= 2 * np.ceil(0.025 * len(values))
    assert spread.score >= 0
    if spread.mean > 0:
        assert spread.score == pytest.approx(values.var() / values.mean())
