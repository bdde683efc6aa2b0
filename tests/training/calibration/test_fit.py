import json
from dataclasses import replace

import numpy as np
import pytest

from tests.factories import NO_FOOTAGE
from unmask.config import (
    CalibrationPlan,
    PreprocessingSettings,
    UncertaintySettings,
    ValidationSettings,
    to_dict,
)
from unmask.data.splits import select_split
from unmask.data.validation_sets import divide_validation
from unmask.errors import SingleClassError
from unmask.evaluation.metrics import roc_auc
from unmask.models.bundle import Bundle, load_bundle, save_bundle
from unmask.models.calibration.platt import Calibration, ConformalGuarantee, PlattScale, fit_platt
from unmask.models.detector import Detector
from unmask.models.inference import SampleScore, decisive_score, with_sync_weight
from unmask.models.lipsync.scoring import SyncScore
from unmask.models.scoring_bundle import VALIDATION
from unmask.training.calibration.fit import (
    calibrate_bundle,
    choose_sync_weight,
    fit_calibration,
    fit_footage_domain,
)
from unmask.training.calibration.missing_modalities import fit_missing_modalities
from unmask.training.calibration.output_scales import fit_output_scales
from unmask.training.calibration.segment_thresholds import fit_segment_thresholds
from unmask.training.score_clips import score_clip_people
from unmask.training.scored_clip import ScoredClip

TARGET_RATES = UncertaintySettings(fpr=0.1, fnr=0.2)


def make_score(logit, sync=None, frames=20):
    sync_score = None
    if sync is not None:
        sync_score = SyncScore(sync, 0.0, 0.9, np.zeros(1), np.array([sync]), np.zeros(1))
    return SampleScore(
        logit=logit,
        probability=0.123,  # of an earlier calibration
        video_probability=0.5,
        audio_probability=None,
        frame_probabilities=np.zeros(frames),
        step_probabilities=np.zeros(0),
        member_logits=np.array([logit]),
        sync=sync_score,
    )


@pytest.fixture
def make_scored(toy_clips):
    """Score clips by a detector and lip-sync of some skill; ``None`` leaves lip-sync out."""

    def make(detector, sync=None, clips=120, seed=0):
        rng = np.random.default_rng(seed)
        scored = []
        for number in range(clips):
            clip = replace(toy_clips[number % 12], clip_id=str(number), identity=str(number))
            shift = 1.0 if clip.is_fake else -1.0
            odds = None if sync is None else sync * shift + rng.normal()
            probability = None if odds is None else 1 / (1 + np.exp(-odds))
            score = make_score(detector * shift + rng.normal(), probability)
            scored.append(ScoredClip(clip, (score,), NO_FOOTAGE))
        return scored

    return make


def logits_and_labels(scored):
    logits = np.array([clip.scores[0].member_logits[0] for clip in scored])
    return logits, np.array([clip.clip.is_fake for clip in scored])


def test_a_calibration_is_fitted_on_logits_and_not_on_an_earlier_calibration(make_scored):
    scored = make_scored(1.0)
    recalibrated = [
        ScoredClip(clip.clip, (replace(clip.scores[0], probability=0.9, logit=7.0),), NO_FOOTAGE)
        for clip in scored
    ]
    calibration = fit_calibration(scored, TARGET_RATES, 0.3)
    assert calibration == fit_calibration(recalibrated, TARGET_RATES, 0.3)
    logits, is_fake = logits_and_labels(scored)
    assert (calibration.temperature, calibration.bias) == fit_platt(logits, is_fake)
    reals, fakes = int((~is_fake).sum()), int(is_fake.sum())
    assert calibration.guarantee == ConformalGuarantee(0.1, 0.2, reals, fakes, 120, reals, fakes)
    p = calibration.probability(logits)
    assert (p[~is_fake] > calibration.fake_above).mean() <= 0.1
    assert (p[is_fake] < calibration.real_below).mean() <= 0.2


def test_without_lip_sync_scores_its_weight_is_zero(make_scored):
    scored = make_scored(1.0)
    assert choose_sync_weight(scored, 0.3) == 0.0
    assert fit_calibration(scored, TARGET_RATES, 0.3).sync_weight == 0.0


def test_the_lip_sync_weight_grows_with_its_skill(make_scored):
    weights = [
        choose_sync_weight(make_scored(detector, sync), 0.3)
        for detector, sync in ((2.0, 0.0), (1.5, 1.5), (0.0, 2.0))
    ]
    assert weights[0] <= 0.2 < weights[1] < 0.8 <= weights[2]


def test_the_fused_score_ranks_better_than_either_alone(make_scored):
    scored = make_scored(1.0, 1.0, clips=300)
    weight = choose_sync_weight(scored, 0.3)
    is_fake = np.array([clip.clip.is_fake for clip in scored])
    auc = [
        roc_auc(np.array([with_sync_weight(clip.scores[0], w).logit for clip in scored]), is_fake)
        for w in (0.0, weight, 1.0)
    ]
    assert auc[1] > max(auc[0], auc[2]) + 0.02


def test_clips_without_a_lip_sync_score_have_a_calibration_of_the_detectors_alone(make_scored):
    """A lip-sync model that calls everybody fake lowers the bias of the final score."""
    scored = [
        ScoredClip(
            clip.clip,
            (make_score(clip.scores[0].member_logits[0], 0.999 if clip.clip.is_fake else 0.9),),
            NO_FOOTAGE,
        )
        for clip in make_scored(2.0)
    ]
    calibration = fit_calibration(scored, TARGET_RATES, 0.3)
    assert calibration.sync_weight > 0
    assert calibration.for_clip(0.9) is calibration
    logits, is_fake = logits_and_labels(scored)
    detectors = calibration.for_clip(None)
    assert (detectors.temperature, detectors.bias) == fit_platt(logits, is_fake)
    assert (detectors.probability(logits)[~is_fake] > detectors.fake_above).mean() <= 0.1
    assert (detectors.probability(logits)[is_fake] < detectors.real_below).mean() <= 0.2


def test_clips_without_a_lip_sync_score_do_not_affect_the_final_calibration(make_scored):
    with_sync, without_sync = make_scored(1.0, 1.0), make_scored(3.0, clips=60, seed=1)
    alone, together = (
        fit_calibration(scored, TARGET_RATES, 0.3)
        for scored in (with_sync, with_sync + without_sync)
    )
    assert (together.temperature, together.bias, together.sync_weight) == (
        alone.temperature,
        alone.bias,
        alone.sync_weight,
    )
    assert together.guarantee == alone.guarantee
    assert together.for_clip(None).guarantee.reals == alone.guarantee.reals + 15


def test_without_genuine_clips_with_a_lip_sync_score_its_weight_is_zero(make_scored):
    fakes = [clip for clip in make_scored(1.0, 1.0) if clip.clip.is_fake]
    scored = [*fakes, *make_scored(1.0, seed=1)]
    assert choose_sync_weight(scored, 0.3) == 0.0
    calibration = fit_calibration(scored, TARGET_RATES, 0.3)
    assert calibration.sync_weight == 0.0
    assert calibration.for_clip(None) is calibration


def test_another_weight_may_select_another_person():
    people = (make_score(1.0, 0.1), make_score(0.0, 0.99))
    for weight, logit in ((0.0, 1.0), (0.9, 0.0)):
        decisive = decisive_score([with_sync_weight(score, weight) for score in people])
        assert decisive.member_logits[0] == logit


def test_clips_of_a_single_class_cannot_calibrate(make_scored):
    fakes = [clip for clip in make_scored(1.0) if clip.clip.is_fake]
    with pytest.raises(SingleClassError):
        fit_calibration(fakes, TARGET_RATES, 0.3)


@pytest.fixture
def raw_bundle(tiny_settings, toy_load, monkeypatch):
    monkeypatch.setattr(
        "unmask.training.calibration.fit.make_feature_loader",
        lambda settings, cache, clips: toy_load,
    )
    detector = Detector(tiny_settings.model)
    return Bundle((detector,), PreprocessingSettings(), Calibration(1.5), 1, "demo")


def fit_expected(bundle, clips, load, rates, sync_weight):
    """Calibration and domain that follow from clips alone."""
    uncalibrated = replace(bundle, calibration=Calibration())
    scored = score_clip_people(uncalibrated, clips, load)
    expected = fit_calibration(scored, rates, sync_weight).at_prevalence(0.5)
    outputs = fit_output_scales(scored, 5.0, 0.5, PlattScale(expected.temperature))
    thresholds = fit_segment_thresholds(uncalibrated, scored, outputs, 12.0)
    silent, unseen = fit_missing_modalities(uncalibrated, clips, load, rates)
    calibration = replace(
        expected, alarms=thresholds, outputs=outputs, silent=silent, unseen=unseen
    )
    return calibration, fit_footage_domain(scored, rates.fpr)


def test_a_calibrated_bundle_keeps_its_weights(tmp_path, raw_bundle, toy_clips, toy_load):
    save_bundle(tmp_path / "raw", raw_bundle)
    rates = UncertaintySettings(passes=3, fpr=0.2, fnr=0.2)
    plan = CalibrationPlan(rates=rates, sync_weight=0.3)
    calibrated = load_bundle(
        calibrate_bundle(tmp_path / "raw", toy_clips, None, plan, tmp_path / "out")
    )
    val = select_split(toy_clips, "val")
    expected, domain = fit_expected(raw_bundle, val, toy_load, rates, 0.3)
    assert calibrated.calibration == expected
    assert calibrated.uncertainty == rates
    assert calibrated.domain == domain
    assert (calibrated.selection_clips, "chose the epoch" in calibrated.shared_validation) == (
        0,
        True,
    )
    weights = calibrated.first_member.state_dict()
    for name, value in raw_bundle.first_member.state_dict().items():
        assert np.array_equal(value.numpy(), weights[name].numpy())


def test_clips_that_chose_the_epoch_do_not_calibrate(tmp_path, raw_bundle, toy_clips, toy_load):
    settings = ValidationSettings(select_share=0.34)
    divided = replace(raw_bundle, provenance={VALIDATION: json.dumps(to_dict(settings))})
    save_bundle(tmp_path / "raw", divided)
    rates = UncertaintySettings(fpr=0.4, fnr=0.4)
    plan = CalibrationPlan(rates=rates)
    calibrated = load_bundle(
        calibrate_bundle(tmp_path / "raw", toy_clips, None, plan, tmp_path / "out")
    )
    sets = divide_validation(toy_clips, settings)
    assert len(sets.calibrate) + len(sets.select) == 12
    expected, _ = fit_expected(raw_bundle, sets.calibrate, toy_load, rates, 0.0)
    assert calibrated.calibration == expected
    assert calibrated.selection_clips == len(sets.select)
    assert calibrated.shared_validation == ""


def test_all_clips_calibrate_where_verdicts_take_more_people(
    tmp_path, raw_bundle, toy_clips, toy_load, caplog
):
    """Three genuine people bear one false alarm in four, the two of a part do not."""
    settings = ValidationSettings(select_share=0.34)
    divided = replace(raw_bundle, provenance={VALIDATION: json.dumps(to_dict(settings))})
    save_bundle(tmp_path / "raw", divided)
    plan = CalibrationPlan(rates=UncertaintySettings(fpr=0.26, fnr=0.26))
    out = calibrate_bundle(tmp_path / "raw", toy_clips, None, plan, tmp_path / "out")
    calibrated = load_bundle(out)
    assert calibrated.calibration.guarantee.reals == 3
    assert calibrated.selection_clips == 0
    assert "take more people" in calibrated.shared_validation
    assert "the rates hold approximately" in caplog.text


def test_the_lip_sync_weight_is_chosen_on_the_clips_that_chose_the_epoch(make_scored, toy_clips):
    select, calibrate = make_scored(1.0, 2.0), make_scored(2.0, 0.0, seed=1)
    chosen = choose_sync_weight(select, 0.3)
    assert fit_calibration(calibrate, TARGET_RATES, chosen).sync_weight == chosen > 0.3
