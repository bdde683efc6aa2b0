import json
from dataclasses import replace

import numpy as np
import pytest

from unmask.config import (
    EvaluationSettings,
    PreprocessingSettings,
    UncertaintySettings,
    ValidationSettings,
    to_dict,
)
from unmask.data.validation_sets import divide_validation
from unmask.errors import DataError
from unmask.evaluation import metrics
from unmask.models.bundle import Bundle
from unmask.models.calibration.domain import fit_domain
from unmask.models.calibration.platt import (
    Calibration,
    ConformalGuarantee,
    SegmentThresholds,
    apply_platt,
    fit_platt,
    fit_temperature,
)
from unmask.models.detector import Detector
from unmask.models.scoring_bundle import VALIDATION
from unmask.training.calibration.comparison import compare_calibration
from unmask.training.score_clips import score_clip_people, score_clips

FIVE_BINS = EvaluationSettings(bins=5)


@pytest.fixture
def make_bundle(tiny_settings):
    def make(members):
        detectors = tuple(Detector(tiny_settings.model).eval() for _ in range(members))
        calibration = Calibration(1.5, 0.45, 0.55, guarantee=ConformalGuarantee(0.1, 0.2, 9, 9))
        return Bundle(detectors, PreprocessingSettings(), calibration, 3, "demo")

    return make


def test_every_row_is_fitted_on_validation_and_measured_on_test(make_bundle, toy_clips, toy_load):
    bundle = make_bundle(1)
    comparison = compare_calibration(bundle, toy_clips, toy_load, passes=3, settings=FIVE_BINS)
    fits = ("", ", temperature", ", Platt")
    kinds = [f"{kind}{fit}" for kind in ("one detector", "MC-dropout") for fit in fits]
    assert [row.kind for row in comparison.rows] == kinds
    counts = (comparison.calibration_clips, comparison.clips)
    assert (*counts, comparison.members, comparison.passes) == (12, 12, 1, 3)
    assert comparison.diversity is None
    val_rows, test_rows = (
        score_clips(bundle, [clip for clip in toy_clips if clip.split == split], toy_load)
        for split in ("val", "test")
    )
    unscaled, temperature, platt = comparison.rows[:3]
    val = (
        1.5 * np.array([row.logit for row in val_rows]),
        np.array([row.is_fake for row in val_rows]),
    )
    assert (unscaled.temperature, unscaled.bias, temperature.bias) == (1.0, 0.0, 0.0)
    assert temperature.temperature == pytest.approx(fit_temperature(*val))
    assert (platt.temperature, platt.bias) == pytest.approx(fit_platt(*val))
    is_fake = np.array([row.is_fake for row in test_rows])
    for row in (unscaled, temperature, platt):
        p = apply_platt(1.5 * np.array([r.logit for r in test_rows]), row.temperature, row.bias)
        assert row.nll == pytest.approx(metrics.negative_log_likelihood(p, is_fake))
        assert row.brier == pytest.approx(((p - is_fake) ** 2).mean())
    assert unscaled.auc == temperature.auc == platt.auc


def test_each_source_is_measured_with_the_same_fits(make_bundle, toy_clips, toy_load, monkeypatch):
    monkeypatch.setattr("unmask.evaluation.slices.MIN_CLIPS", 2)  # the toy set is small
    fakes = [clip.clip_id for clip in toy_clips if clip.split == "test" and clip.is_fake]
    few = fakes[:3]
    clips = [replace(c, source="few" if c.clip_id in few else "web") for c in toy_clips]
    originals = {clip.clip_id: clip for clip in toy_clips}

    def load(clip):
        return toy_load(originals[clip.clip_id])

    bundle = make_bundle(1)
    unmeasured, web, *kinds = compare_calibration(
        bundle, clips, load, passes=0, settings=FIVE_BINS
    ).sources
    assert {part.kind for part in kinds} == {"manipulation"}
    assert (unmeasured.rows, unmeasured.fakes, unmeasured.reals) == ((), 3, 0)
    assert unmeasured.not_measured == "no genuine clips"
    own = [clip for clip in clips if clip.source == "web"]
    assert web.rows == compare_calibration(bundle, own, load, passes=0, settings=FIVE_BINS).rows


def test_an_ensemble_has_additional_rows(make_bundle, toy_clips, toy_load):
    comparison = compare_calibration(
        make_bundle(2), toy_clips, toy_load, passes=2, settings=FIVE_BINS
    )
    assert [row.kind for row in comparison.rows[6::3]] == ["ensemble", "ensemble, MC-dropout"]
    first, second = comparison.diversity.auc
    assert first == pytest.approx(comparison.rows[0].auc)
    assert second != first
    assert -1 <= comparison.diversity.within_class <= 1
    without_passes = compare_calibration(
        make_bundle(2), toy_clips, toy_load, passes=0, settings=FIVE_BINS
    )
    assert not any("MC" in row.kind for row in without_passes.rows)
    assert without_passes.error_detection_auc is None


def test_flagged_segments_are_counted_in_genuine_clips_and_in_fakes(
    make_bundle, toy_clips, toy_load
):
    bundle = make_bundle(1)
    calibration = replace(
        bundle.calibration,
        alarms=SegmentThresholds(video=0.0, audio=1.0, lip_sync=0.5, per_hour=30.0),
    )
    bundle = replace(bundle, calibration=calibration)
    face, voice = compare_calibration(
        bundle, toy_clips, toy_load, passes=0, settings=FIVE_BINS
    ).flagged
    assert (face.kind, face.threshold, face.genuine, face.fake) == ("video", 0.0, 1.0, 1.0)
    assert (voice.kind, voice.threshold, voice.genuine, voice.fake) == ("audio", 1.0, 0.0, 0.0)
    assert (face.target_per_hour, voice.per_hour) == (30.0, 0.0)
    genuine = [c for c in toy_clips if c.split == "test" and not c.is_fake]
    hours = sum(toy_load(clip).end_s for clip in genuine) / 3600
    assert face.per_hour == pytest.approx(len(genuine) / hours)  # one segment in each


def test_verdicts_and_like_footage_of_the_test_clips_are_counted(make_bundle, toy_clips, toy_load):
    bundle = make_bundle(1)
    comparison = compare_calibration(bundle, toy_clips, toy_load, 0, FIVE_BINS)
    measured = comparison.verdicts
    assert (measured.split, measured.reals, measured.fakes, measured.people) == ("test", 3, 9, 12)
    assert (measured.promised_fpr, measured.promised_fnr) == (0.1, 0.2)
    assert comparison.like_calibration is None  # without a domain

    test = [clip for clip in toy_clips if clip.split == "test"]
    scored = score_clip_people(bundle, test, toy_load)
    domain = fit_domain(np.stack([clip.footage for clip in scored]), list("abcdefghijkl"), 0.3)
    within = [domain.contains(clip.footage) for clip in scored]
    like = compare_calibration(replace(bundle, domain=domain), toy_clips, toy_load, 0, FIVE_BINS)
    assert 0 < like.like_calibration == np.mean(within) <= 1


def test_clips_that_chose_the_epoch_are_not_fitted_on(make_bundle, toy_clips, toy_load):
    settings = ValidationSettings(select_share=0.34)
    bundle = replace(make_bundle(1), provenance={VALIDATION: json.dumps(to_dict(settings))})
    bundle = replace(bundle, uncertainty=UncertaintySettings(fpr=0.4, fnr=0.4))
    comparison = compare_calibration(bundle, toy_clips, toy_load, 0, FIVE_BINS)
    assert comparison.calibration_clips == len(divide_validation(toy_clips, settings).calibrate)


def test_a_missing_split_is_an_error(make_bundle, toy_clips, toy_load):
    without = [clip for clip in toy_clips if clip.split != "val"]
    with pytest.raises(DataError, match="no clip is in split 'val'"):
        compare_calibration(make_bundle(1), without, toy_load, passes=2, settings=FIVE_BINS)
