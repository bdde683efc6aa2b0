"""Ways of being unsure, held against labels."""

from dataclasses import replace

import numpy as np
import pytest

from unmask.config import PreprocessingSettings
from unmask.errors import DataError
from unmask.evaluation import metrics
from unmask.models.bundle import Bundle
from unmask.models.calibration.platt import (
    Calibration,
    ConformalGuarantee,
    SegmentThresholds,
    apply_platt,
    fit_platt,
    fit_temperature,
)
from unmask.models.detector import Detector
from unmask.training.calibration.comparison import compare_calibration, verdicts_of
from unmask.training.score_clips import score_clip_people, score_features


@pytest.fixture
def bundle(tiny_settings):
    def make(members):
        detectors = tuple(Detector(tiny_settings.model).eval() for _ in range(members))
        calibration = Calibration(1.5, 0.45, 0.55, guarantee=ConformalGuarantee(0.1, 0.2, 9, 9))
        return Bundle(detectors, PreprocessingSettings(), calibration, 3, "demo")

    return make


def test_every_row_is_fitted_on_validation_and_measured_on_test(bundle, toy_clips, toy_load):
    one = bundle(1)
    found = compare_calibration(one, toy_clips, toy_load, passes=3, bins=5)
    fits = ("", ", temperature", ", Platt")
    kinds = [f"{kind}{fit}" for kind in ("one detector", "MC-dropout") for fit in fits]
    assert [row.kind for row in found.rows] == kinds
    assert (found.calibration_clips, found.clips, found.members, found.passes) == (12, 12, 1, 3)
    known, asked = (
        score_features(one, [clip for clip in toy_clips if clip.split == split], toy_load)
        for split in ("val", "test")
    )
    raw, tempered, platt = found.rows[:3]
    val = (1.5 * np.array([row.logit for row in known]), np.array([row.is_fake for row in known]))
    assert (raw.temperature, raw.bias, tempered.bias) == (1.0, 0.0, 0.0)
    assert tempered.temperature == pytest.approx(fit_temperature(*val))
    assert (platt.temperature, platt.bias) == pytest.approx(fit_platt(*val))
    is_fake = np.array([row.is_fake for row in asked])
    for row in (raw, tempered, platt):
        p = apply_platt(1.5 * np.array([one.logit for one in asked]), row.temperature, row.bias)
        assert row.nll == pytest.approx(metrics.negative_log_likelihood(p, is_fake))
        assert row.brier == pytest.approx(((p - is_fake) ** 2).mean())
    assert raw.auc == tempered.auc == platt.auc


def test_an_ensemble_has_rows_of_its_own(bundle, toy_clips, toy_load):
    found = compare_calibration(bundle(2), toy_clips, toy_load, passes=2, bins=5)
    assert [row.kind for row in found.rows[6::3]] == ["ensemble", "ensemble, MC-dropout"]
    plain = compare_calibration(bundle(2), toy_clips, toy_load, passes=0, bins=5)
    assert not any("MC" in row.kind for row in plain.rows)
    assert plain.error_detection_auc is None


def test_verdicts_are_counted_beside_the_promise(bundle, toy_clips, toy_load):
    scored = score_clip_people(bundle(1), toy_clips[:1], toy_load)[0].scores[0]
    table = [(0.9, False), (0.5, False), (0.1, False), (0.1, False), (0.9, True), (0.2, True)]
    answers = [(replace(scored, probability=p), is_fake) for p, is_fake in table]
    said = verdicts_of(
        answers, Calibration(1.0, 0.4, 0.6, guarantee=ConformalGuarantee(0.1, 0.2, 9, 9))
    )
    assert (said.promised_fpr, said.promised_fnr) == (0.1, 0.2)
    assert (said.fpr, said.unsure_reals) == (0.25, 0.25)
    assert (said.fnr, said.unsure_fakes) == (0.5, 0.0)


def test_what_stands_out_is_counted_in_genuine_clips_and_in_fakes(bundle, toy_clips, toy_load):
    one = bundle(1)
    calibration = replace(
        one.calibration, alarms=SegmentThresholds(video=0.0, audio=1.0, lip_sync=0.5)
    )
    one = replace(one, calibration=calibration)
    face, voice = compare_calibration(one, toy_clips, toy_load, passes=0, bins=5).outstanding
    assert (face.kind, face.above, face.genuine, face.fake) == ("video", 0.0, 1.0, 1.0)
    assert (voice.kind, voice.above, voice.genuine, voice.fake) == ("audio", 1.0, 0.0, 0.0)
    assert face.promised == 0.1


def test_both_splits_are_needed(bundle, toy_clips, toy_load):
    without = [clip for clip in toy_clips if clip.split != "val"]
    with pytest.raises(DataError, match="no clip is in split 'val'"):
        compare_calibration(bundle(1), without, toy_load, passes=2, bins=5)
