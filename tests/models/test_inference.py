from dataclasses import replace

import numpy as np
import pytest

from unmask.config import PreprocessingSettings
from unmask.models.bundle import Bundle
from unmask.models.calibration.platt import Calibration
from unmask.models.inference import SampleScore, decisive_score, score_samples


@pytest.fixture
def bundle(tiny, make_detector):
    return Bundle((make_detector(tiny),), PreprocessingSettings(), Calibration(2.0), 1, "demo")


def test_scores_are_calibrated_and_have_one_entry_per_frame_and_step(bundle, make_sample):
    (score,) = score_samples(bundle, [make_sample(4, 9000)], "32")
    assert score.logit == pytest.approx(score.member_logits[0] / 2)
    assert score.probability == pytest.approx(1 / (1 + np.exp(-score.logit)))
    assert score.frame_probabilities.shape == (4,)
    step = bundle.first_member.voice.step_samples
    assert score.step_probabilities.shape == ((9000 - step) // 320 + 1,)
    silent = np.isnan(score.step_probabilities)
    assert 0 < silent.sum() < len(silent)


@pytest.mark.parametrize("precision", ["32", "bf16"])
def test_score_does_not_depend_on_other_samples_or_their_order(bundle, make_sample, precision):
    samples = [make_sample(4, 9000), make_sample(2, 7000), make_sample(0, 7000), make_sample(3, 0)]
    alone = [score_samples(bundle, [sample], precision)[0].logit for sample in samples]
    together = [score.logit for score in score_samples(bundle, samples, precision)]
    backwards = [score.logit for score in score_samples(bundle, samples[::-1], precision)]
    assert alone == together == backwards[::-1]


def test_sharing_the_sound_does_not_change_scores(bundle, make_sample):
    first = make_sample(4, 9000)
    second = replace(make_sample(3, 9000), waveform=first.waveform, is_speech=first.is_speech)
    copied = replace(second, waveform=second.waveform.copy())
    shared = score_samples(bundle, [first, second])
    apart = score_samples(bundle, [first, copied])
    assert [s.logit for s in shared] == [s.logit for s in apart]


def test_missing_modality_has_no_probability(bundle, make_sample):
    mute, faceless = score_samples(bundle, [make_sample(3, 0), make_sample(0, 9000)])
    assert mute.audio_probability is None
    assert mute.video_probability is not None
    assert faceless.video_probability is None
    assert len(faceless.frame_probabilities) == 0


def make_score(logit, frames):
    return SampleScore(
        logit, 0.5, 0.5, None, np.zeros(frames), np.zeros(0), member_logits=np.array([logit])
    )


def test_decisive_score_is_the_most_fake_person_seen_for_long_enough():
    assert (
        decisive_score([make_score(1.0, 20), make_score(2.0, 5), make_score(9.0, 4)]).logit == 2.0
    )


def test_decisive_score_falls_back_to_the_person_seen_longest():
    assert decisive_score([make_score(1.0, 3), make_score(9.0, 2)]).logit == 1.0
    assert decisive_score([make_score(1.0, 0)]).logit == 1.0
