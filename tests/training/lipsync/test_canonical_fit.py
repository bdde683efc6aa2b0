"""Linear towers find what lips and sound share, and with it the delay of the sound."""

import numpy as np
import pytest
import torch

from tests.models.backbones.speech_models import build_speech_model
from unmask.errors import TrainingError
from unmask.models.lipsync.scoring import sync_score
from unmask.models.lipsync.speech_towers import TAPS, SpeechTowers
from unmask.training.lipsync.canonical_fit import (
    _set_tower,
    canonical_correlation,
    fit_canonical_towers,
    mirror_mouths,
    principal_components,
)
from unmask.training.lipsync.dataset import delay_audio, sync_clips


@pytest.fixture(scope="module")
def fitted(toy):
    train = [clip for clip in toy.clips if clip.split == "train"]
    net = SpeechTowers(build_speech_model("whisper"), 1, dim=8)
    correlations = fit_canonical_towers(net, list(sync_clips(train, toy.load)))
    return net, correlations


def test_the_first_pair_is_the_shared_signal(rng):
    shared = rng.normal(size=2000)
    first = np.column_stack([*rng.normal(size=(3, 2000)), shared + rng.normal(size=2000)])
    second = np.column_stack([2 * shared, *rng.normal(size=(2, 2000))])
    mixed = second @ rng.normal(size=(3, 3))
    pairs = canonical_correlation(first.astype(np.float32), mixed.astype(np.float32), 2, ridge=0.0)
    x, y = (first - first.mean(0)) @ pairs.first, (mixed - mixed.mean(0)) @ pairs.second
    assert pairs.correlations[0] == pytest.approx(np.sqrt(0.5), abs=0.05)
    for pair in range(2):  # an independent definition
        measured = np.corrcoef(x[:, pair], y[:, pair])[0, 1]
        assert measured == pytest.approx(pairs.correlations[pair], abs=1e-4)
    assert abs(np.corrcoef(x[:, 0], y[:, 1])[0, 1]) < 1e-3
    assert np.corrcoef(y[:, 0], shared)[0, 1] ** 2 > 0.98


def test_principal_components_keep_the_largest_variance(rng):
    values = rng.normal(size=(500, 4)) * [1, 5, 0.1, 3]
    basis = principal_components(values.astype(np.float32), 2)
    assert np.abs(basis[1, 0]) > 0.99
    assert np.abs(basis[3, 1]) > 0.99


def test_a_tower_is_the_map_of_components_at_all_taps(rng):
    tower = torch.nn.Conv1d(6, 3, TAPS, dilation=3, bias=False)
    basis, maps = rng.normal(size=(6, 2)), rng.normal(size=(TAPS * 2, 3))
    _set_tower(tower, basis, maps)
    features = rng.normal(size=(13, 6)).astype(np.float32)
    expected = (features[::3] @ basis).reshape(-1) @ maps
    with torch.no_grad():
        got = tower(torch.from_numpy(features).T[None])[0, :, 0]
    np.testing.assert_allclose(got.numpy(), expected, rtol=1e-4)


def test_a_mirrored_mouth_is_mirrored_in_its_columns():
    mouth = np.arange(2 * 576, dtype=np.float32).reshape(2, 576)
    assert mirror_mouths(mouth)[1, :24].tolist() == mouth[1, :24][::-1].tolist()


@pytest.mark.parametrize("delay_ms", [-280, 120])
def test_a_delay_is_found_on_other_people(fitted, held_out, delay_ms):
    net, correlations = fitted
    assert correlations[0] > 0.5
    offsets_ms = []
    for clip in held_out:
        if not clip.clip.is_fake:
            sample = delay_audio(clip.sample, delay_ms / 1000)
            result = sync_score(net, sample.lips, sample.waveform, sample.is_speech)
            offsets_ms.append(result.offset_ms)
    assert np.median(offsets_ms) == pytest.approx(delay_ms, abs=60)


def test_too_little_speech_is_refused(toy):
    net = SpeechTowers(build_speech_model("whisper"), 1, dim=8)
    with pytest.raises(TrainingError, match="0 windows"):
        fit_canonical_towers(net, [])


def test_more_components_than_there_are_is_refused():
    net = SpeechTowers(build_speech_model("whisper"), 1, dim=300)
    with pytest.raises(TrainingError, match="use at most 240"):
        fit_canonical_towers(net, [])
