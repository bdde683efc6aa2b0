"""Passes are reproducible, and differ only by dropout."""

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from unmask.config import PreprocessingSettings
from unmask.models.bundle import Bundle
from unmask.models.calibration.platt import Calibration
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
def test_passes_differ_and_depend_on_the_content_only(bundle, make_sample, temporal, fusion):
    parts = bundle(temporal=temporal, fusion=fusion)
    first = passes_of(parts, make_sample(4, 9000))
    torch.rand(7)  # other draws from the global generator have no effect
    before = torch.get_rng_state()
    second = passes_of(parts, replace(make_sample(4, 9000)))
    assert torch.equal(before, torch.get_rng_state())  # and passes do not draw from it
    assert np.array_equal(first.pass_probabilities, second.pass_probabilities)
    assert len(set(first.pass_probabilities)) == 10
    other = passes_of(parts, make_sample(4, 9000, seed=1))
    assert not np.allclose(first.pass_probabilities, other.pass_probabilities)


def test_passes_do_not_change_the_score(bundle, make_sample):
    parts, sample = bundle(0, 1), make_sample(4, 9000)
    plain, repeated = passes_of(parts, sample, 0), passes_of(parts, sample, 5)
    assert plain.pass_probabilities is None
    assert plain.pass_logits is None
    assert plain.logit == repeated.logit == passes_of(parts, sample, 0).logit
    assert repeated.pass_logits.shape == (10,)  # of two members
    assert not any(module.training for member in parts.members for module in member.modules())


def test_without_dropout_every_pass_equals_the_prediction(bundle, make_sample):
    parts = bundle(0, 1, dropout=0.0)
    score = passes_of(parts, make_sample(4, 9000), 3)
    assert score.pass_logits == pytest.approx(np.repeat(score.member_logits, 3), abs=1e-5)


def test_spread_grows_with_dropout(bundle, make_sample):
    spreads = []
    for dropout in (0.05, 0.5):
        score = passes_of(bundle(dropout=dropout), make_sample(4, 9000), 200)
        spreads.append(score.pass_logits.std())
        assert abs(np.median(score.pass_logits) - score.logit) < 2 * score.pass_logits.std()
    assert spreads[1] > 2 * spreads[0] > 0


def test_backbones_run_once_for_all_passes(bundle, make_sample):
    parts = bundle()
    runs = []
    detector = parts.first_member
    for module in (detector.frame.backbone, detector.voice.model.encoder.layers[0]):
        module.register_forward_hook(lambda module, *_: runs.append(type(module)))
    passes_of(parts, make_sample(4, 9000), 10)
    assert len(runs) == len(set(runs)) == 2


def test_concurrent_threads_get_the_same_passes(bundle, make_sample):
    parts = bundle()
    samples = [make_sample(3, 8000, seed) for seed in range(4)]
    expected = [passes_of(parts, sample) for sample in samples]
    results = {}
    threads = [
        threading.Thread(target=lambda n=n: results.__setitem__(n, passes_of(parts, samples[n])))
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, score in enumerate(expected):
        assert results[number].logit == score.logit
        assert np.array_equal(results[number].pass_probabilities, score.pass_probabilities)


def test_passes_differ_with_one_modality_missing(bundle, make_sample):
    for sample in (make_sample(4, 0), make_sample(0, 9000)):
        assert passes_of(bundle(), sample).pass_probabilities.std() > 0
