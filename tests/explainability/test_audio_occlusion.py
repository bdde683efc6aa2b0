"""Importance of speech for detectors whose reasons are known."""

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
    """Three quiet seconds of sound, loud from 1.4 to 1.8 s."""
    samples = rng.uniform(-0.05, 0.05, 3 * RATE_HZ)
    samples[round(1.4 * RATE_HZ) : round(1.8 * RATE_HZ)] *= 15
    return make_sound(samples)


def test_planted_excerpt_gets_the_highest_importance(loudness_bundle, planted):
    scorer = VoiceScorer(loudness_bundle, planted, precision="32")
    weights = occlusion_importance(scorer)
    begins_s = scorer.speech_bins * BIN_S
    assert weights.max() == 1.0
    assert weights.min() >= 0.0
    assert set(begins_s[weights > 0.5].round(1)) == {1.4, 1.6}


def test_muting_the_important_part_lowers_the_score_more_than_muting_at_random(
    loudness_bundle, planted
):
    scorer = VoiceScorer(loudness_bundle, planted, precision="32")
    result = audio_deletion_test(scorer, occlusion_importance(scorer))
    assert result.drop > 0
    assert result.drop > result.random_drop + 0.1


def test_masking_steps_equals_muting_for_local_steps(loudness_bundle, planted):
    scorer = VoiceScorer(loudness_bundle, planted, precision="32")
    without = scorer.occlude_steps([np.array([2]), np.array([7, 8])])
    assert scorer.mute(np.array([2])) == pytest.approx(without[0], abs=0.05)
    assert scorer.mute(np.array([7, 8])) == pytest.approx(without[1], abs=0.05)


def test_nothing_is_important_if_nothing_raises_the_score(loudness_bundle, make_sound):
    scorer = VoiceScorer(loudness_bundle, make_sound(np.full(2 * RATE_HZ, 0.1)), precision="32")
    weights = occlusion_importance(scorer)
    loudness_bundle.first_member.step_head.weight.data.zero_()
    weights = occlusion_importance(
        VoiceScorer(loudness_bundle, make_sound(np.full(RATE_HZ, 0.1)), "32")
    )
    assert not weights.any()
    assert audio_deletion_test(scorer, np.zeros(len(scorer.speech_bins))) is None


def test_wav2vec2_encoder_is_supported(make_bundle, planted):
    scorer = VoiceScorer(make_bundle(), planted, precision="32")
    assert scorer.speech_bins.tolist() == list(range(15))
    whole = scorer.occlude_steps([np.zeros(0, np.intp)])[0]
    assert scorer.mute(np.zeros(0, np.intp)) == pytest.approx(whole, abs=1e-5)
    assert scorer.mute(np.array([7])) != pytest.approx(whole, abs=1e-5)
    assert occlusion_importance(scorer).shape == (15,)


def test_silence_has_no_speech_bins(make_bundle, planted):
    planted.is_speech[RATE_HZ : 2 * RATE_HZ] = False
    scorer = VoiceScorer(make_bundle(), planted, precision="32")
    assert scorer.speech_bins.tolist() == [*range(5), *range(10, 15)]
