"""What a bundle's answers mean, fitted on validation clips."""

from dataclasses import replace

import numpy as np
import pytest

from unmask.config import UncertaintySettings
from unmask.errors import SingleClassError
from unmask.evaluation.metrics import roc_auc
from unmask.models.calibration.platt import ConformalGuarantee, fit_platt
from unmask.models.inference import SampleScore, decisive_score, with_sync_weight
from unmask.models.lipsync.scoring import SyncScore
from unmask.training.calibration.fit import fit_calibration
from unmask.training.score_clips import ScoredClip

PROMISE = UncertaintySettings(fpr=0.1, fnr=0.2)


def a_person(logit, sync=None, frames=20):
    found = (
        None
        if sync is None
        else SyncScore(sync, 0.0, 0.9, np.zeros(1), np.array([sync]), np.zeros(1))
    )
    return SampleScore(
        logit=logit,
        probability=0.123,  # of an older calibration
        video_probability=0.5,
        audio_probability=None,
        frame_probabilities=np.zeros(frames),
        step_probabilities=np.zeros(0),
        member_logits=np.array([logit]),
        sync=found,
    )


@pytest.fixture
def scored(toy_clips):
    """Clips whose detector and lip-sync are as good as asked for; None leaves lip-sync out."""

    def make(detector, sync=None, clips=120, seed=0):
        rng = np.random.default_rng(seed)
        made = []
        for number in range(clips):
            clip = replace(toy_clips[number % 12], clip_id=str(number))
            shift = 1.0 if clip.is_fake else -1.0
            odds = None if sync is None else sync * shift + rng.normal()
            score = a_person(
                detector * shift + rng.normal(), None if odds is None else 1 / (1 + np.exp(-odds))
            )
            made.append(ScoredClip(clip, (score,)))
        return made

    return make


def test_it_rests_on_logits_and_not_on_an_older_calibration(scored):
    clips = scored(1.0)
    other = [
        ScoredClip(one.clip, (replace(one.scores[0], probability=0.9, logit=7.0),)) for one in clips
    ]
    found = fit_calibration(clips, PROMISE, 0.3)
    assert found == fit_calibration(other, PROMISE, 0.3)
    logits = np.array([one.scores[0].member_logits[0] for one in clips])
    is_fake = np.array([one.clip.is_fake for one in clips])
    assert (found.temperature, found.bias) == fit_platt(logits, is_fake)
    assert found.guarantee == ConformalGuarantee(
        0.1, 0.2, int((~is_fake).sum()), int(is_fake.sum())
    )
    p = found.probability(logits)
    assert (p[~is_fake] > found.fake_above).mean() <= 0.1
    assert (p[is_fake] < found.real_below).mean() <= 0.2


def test_without_lip_sync_it_weighs_nothing(scored):
    assert fit_calibration(scored(1.0), PROMISE, 0.3).sync_weight == 0.0


def test_lip_sync_weighs_more_the_more_it_knows(scored):
    weights = [
        fit_calibration(scored(detector, sync), PROMISE, 0.3).sync_weight
        for detector, sync in ((2.0, 0.0), (1.5, 1.5), (0.0, 2.0))
    ]
    assert weights[0] <= 0.2 < weights[1] < 0.8 <= weights[2]


def test_the_weighed_score_ranks_better_than_either_alone(scored):
    clips = scored(1.0, 1.0, clips=300)
    weight = fit_calibration(clips, PROMISE, 0.3).sync_weight
    is_fake = np.array([one.clip.is_fake for one in clips])
    auc = [
        roc_auc(np.array([with_sync_weight(one.scores[0], w).logit for one in clips]), is_fake)
        for w in (0.0, weight, 1.0)
    ]
    assert auc[1] > max(auc[0], auc[2]) + 0.02


def test_clips_whose_lips_cannot_be_judged_are_read_by_a_scale_of_their_own(scored):
    """Lip-sync that says fake of everybody drags the bias of the final score far down."""
    clips = [
        ScoredClip(one.clip, (a_person(one.scores[0].member_logits[0], sync),))
        for one in scored(2.0)
        for sync in (0.999 if one.clip.is_fake else 0.9,)
    ]
    found = fit_calibration(clips, PROMISE, 0.3)
    assert found.sync_weight > 0
    assert found.for_clip(0.9) is found
    logits = np.array([one.scores[0].member_logits[0] for one in clips])
    is_fake = np.array([one.clip.is_fake for one in clips])
    alone = found.for_clip(None)
    assert (alone.temperature, alone.bias) == fit_platt(logits, is_fake)
    assert (alone.probability(logits)[~is_fake] > alone.fake_above).mean() <= 0.1
    assert (alone.probability(logits)[is_fake] < alone.real_below).mean() <= 0.2


def test_clips_without_lip_sync_do_not_move_the_final_score(scored):
    judged, unjudged = scored(1.0, 1.0), scored(3.0, clips=60, seed=1)
    found, both = (fit_calibration(clips, PROMISE, 0.3) for clips in (judged, judged + unjudged))
    assert (both.temperature, both.bias, both.sync_weight) == (
        found.temperature,
        found.bias,
        found.sync_weight,
    )
    assert both.guarantee == found.guarantee
    assert both.for_clip(None).guarantee.reals == found.guarantee.reals + 15


def test_without_genuine_clips_to_judge_lip_sync_weighs_nothing(scored):
    fakes = [one for one in scored(1.0, 1.0) if one.clip.is_fake]
    found = fit_calibration([*fakes, *scored(1.0, seed=1)], PROMISE, 0.3)
    assert found.sync_weight == 0.0
    assert found.for_clip(None) is found


def test_another_weight_may_choose_another_person(toy_clips):
    people = (a_person(1.0, 0.1), a_person(0.0, 0.99))
    assert decisive_score([with_sync_weight(one, 0.0) for one in people]).member_logits[0] == 1.0
    assert decisive_score([with_sync_weight(one, 0.9) for one in people]).member_logits[0] == 0.0


def test_clips_of_one_kind_cannot_calibrate(scored):
    with pytest.raises(SingleClassError):
        fit_calibration([one for one in scored(1.0) if one.clip.is_fake], PROMISE, 0.3)
