"""Importance of speech for detectors whose reasons are known."""

import numpy as np
import pytest

from unmask.explainability.audio_occlusion import (
    BIN_S,
    RANDOM_PARTS,
    VoiceScorer,
    _random_parts,
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
    assert result.deletion > 0
    assert result.deletion > result.random_deletion + 0.1
    assert result.insertion is result.random_insertion is None
    assert result.is_supported


def test_wrong_part_is_no_better_than_a_random_one(loudness_bundle, planted):
    scorer = VoiceScorer(loudness_bundle, planted, precision="32")
    weights = np.zeros(len(scorer.speech_bins))
    weights[:3] = 1.0
    assert not audio_deletion_test(scorer, weights).is_supported


def test_random_parts_are_the_pattern_shifted_and_mirrored(rng):
    pattern = np.array([4, 0, 1])
    shifted = {tuple(sorted(((pattern + n) % 25).tolist())) for n in range(25)}
    mirrored = {tuple(sorted(((n - pattern) % 25).tolist())) for n in range(25)}
    parts = [tuple(part.tolist()) for part in _random_parts(pattern, 25, rng)]
    assert len(set(parts)) == len(parts) == RANDOM_PARTS
    assert set(parts) <= (shifted | mirrored) - {(0, 1, 4)}


def test_random_parts_of_little_speech_have_any_pattern(rng):
    parts = [tuple(part.tolist()) for part in _random_parts(np.array([3, 4]), 8, rng)]
    assert len(set(parts)) == RANDOM_PARTS
    assert (3, 4) not in parts
    assert {(0, 1), (5, 6), (0, 7)} <= set(parts)  # all shifts of it
    assert any(last - first not in (1, 7) for first, last in parts)


def test_too_little_speech_is_not_tested(loudness_bundle, make_sound, rng):
    scorer = VoiceScorer(loudness_bundle, make_sound(rng.uniform(-0.1, 0.1, RATE_HZ)), "32")
    assert audio_deletion_test(scorer, np.ones(len(scorer.speech_bins))) is None


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
