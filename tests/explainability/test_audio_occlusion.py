"""Importance of sound, where it is known which moments matter."""

import numpy as np
import pytest

from unmask.explainability.audio_occlusion import (
    BIN_S,
    VoiceScorer,
    audio_deletion_test,
    occlusion_importance,
)

RATE_HZ = 16_000


@pytest.fixture
def planted(rng, make_sound):
    """Three quiet seconds, loud from 1.4 to 1.8."""
    samples = rng.uniform(-0.05, 0.05, 3 * RATE_HZ)
    samples[round(1.4 * RATE_HZ) : round(1.8 * RATE_HZ)] *= 15
    return make_sound(samples)


def test_a_planted_stretch_is_found(hears_loudness, planted):
    judge = VoiceScorer(hears_loudness, planted, precision="32")
    weights = occlusion_importance(judge)
    begins_s = judge.speech_bins * BIN_S
    assert weights.max() == 1.0
    assert weights.min() >= 0.0
    assert set(begins_s[weights > 0.5].round(1)) == {1.4, 1.6}


def test_muting_it_falls_further_than_muting_as_much_elsewhere(hears_loudness, planted):
    judge = VoiceScorer(hears_loudness, planted, precision="32")
    found = audio_deletion_test(judge, occlusion_importance(judge))
    assert found.drop > 0
    assert found.drop > found.random_drop + 0.1


def test_leaving_out_steps_equals_muting_where_steps_hear_nothing_else(hears_loudness, planted):
    judge = VoiceScorer(hears_loudness, planted, precision="32")
    without = judge.occlude_steps([np.array([2]), np.array([7, 8])])
    assert judge.mute(np.array([2])) == pytest.approx(without[0], abs=0.05)
    assert judge.mute(np.array([7, 8])) == pytest.approx(without[1], abs=0.05)


def test_where_everything_sounds_genuine_nothing_is_important(hears_loudness, make_sound):
    judge = VoiceScorer(hears_loudness, make_sound(np.full(2 * RATE_HZ, 0.1)), precision="32")
    weights = occlusion_importance(judge)
    hears_loudness.first_member.step_head.weight.data.zero_()
    weights = occlusion_importance(
        VoiceScorer(hears_loudness, make_sound(np.full(RATE_HZ, 0.1)), "32")
    )
    assert not weights.any()
    assert audio_deletion_test(judge, np.zeros(len(judge.speech_bins))) is None


def test_a_real_voice_encoder_is_asked_the_same_way(make_bundle, planted):
    judge = VoiceScorer(make_bundle(), planted, precision="32")
    assert judge.speech_bins.tolist() == list(range(15))
    whole = judge.occlude_steps([np.zeros(0, np.intp)])[0]
    assert judge.mute(np.zeros(0, np.intp)) == pytest.approx(whole, abs=1e-5)
    assert judge.mute(np.array([7])) != pytest.approx(whole, abs=1e-5)
    assert occlusion_importance(judge).shape == (15,)


def test_silence_between_words_is_no_moment_of_speech(make_bundle, planted):
    planted.is_speech[RATE_HZ : 2 * RATE_HZ] = False
    judge = VoiceScorer(make_bundle(), planted, precision="32")
    assert judge.speech_bins.tolist() == [*range(5), *range(10, 15)]
