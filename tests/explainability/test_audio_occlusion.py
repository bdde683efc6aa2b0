"""Importance of sound, where it is known which moments matter."""

import numpy as np
import pytest

from unmask.explainability.audio_occlusion import BIN_S, VoiceScorer, deletion, occlusion_importance

RATE_HZ = 16_000


@pytest.fixture
def planted(rng, a_sound):
    """Three quiet seconds, loud from 1.4 to 1.8."""
    samples = rng.uniform(-0.05, 0.05, 3 * RATE_HZ)
    samples[round(1.4 * RATE_HZ) : round(1.8 * RATE_HZ)] *= 15
    return a_sound(samples)


def test_a_planted_stretch_is_found(hears_loudness, planted):
    judge = VoiceScorer(hears_loudness, planted, precision="32")
    weights = occlusion_importance(judge)
    begins_s = judge.spoken * BIN_S
    assert weights.max() == 1.0
    assert weights.min() >= 0.0
    assert set(begins_s[weights > 0.5].round(1)) == {1.4, 1.6}


def test_muting_it_falls_further_than_muting_as_much_elsewhere(hears_loudness, planted):
    judge = VoiceScorer(hears_loudness, planted, precision="32")
    found = deletion(judge, occlusion_importance(judge))
    assert found.drop > 0
    assert found.drop > found.random_drop + 0.1


def test_leaving_out_steps_equals_muting_where_steps_hear_nothing_else(hears_loudness, planted):
    judge = VoiceScorer(hears_loudness, planted, precision="32")
    without = judge.without_steps([np.array([2]), np.array([7, 8])])
    assert judge.muted(np.array([2])) == pytest.approx(without[0], abs=0.05)
    assert judge.muted(np.array([7, 8])) == pytest.approx(without[1], abs=0.05)


def test_where_everything_sounds_genuine_nothing_is_important(hears_loudness, a_sound):
    judge = VoiceScorer(hears_loudness, a_sound(np.full(2 * RATE_HZ, 0.1)), precision="32")
    weights = occlusion_importance(judge)
    hears_loudness.detector.step_head.weight.data.zero_()
    weights = occlusion_importance(
        VoiceScorer(hears_loudness, a_sound(np.full(RATE_HZ, 0.1)), "32")
    )
    assert not weights.any()
    assert deletion(judge, np.zeros(len(judge.spoken))) is None


def test_a_real_voice_encoder_is_asked_the_same_way(a_bundle, planted):
    judge = VoiceScorer(a_bundle(), planted, precision="32")
    assert judge.spoken.tolist() == list(range(15))
    whole = judge.without_steps([np.zeros(0, np.intp)])[0]
    assert judge.muted(np.zeros(0, np.intp)) == pytest.approx(whole, abs=1e-5)
    assert judge.muted(np.array([7])) != pytest.approx(whole, abs=1e-5)
    assert occlusion_importance(judge).shape == (15,)


def test_silence_between_words_is_no_moment_of_speech(a_bundle, planted):
    planted.is_speech[RATE_HZ : 2 * RATE_HZ] = False
    judge = VoiceScorer(a_bundle(), planted, precision="32")
    assert judge.spoken.tolist() == [*range(5), *range(10, 15)]
