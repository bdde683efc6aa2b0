"""Clips without a face, or without a voice, are calibrated on what is left."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from unmask.config import PreprocessingSettings, UncertaintySettings
from unmask.data.splits import select_split
from unmask.models.bundle import Bundle
from unmask.models.calibration.platt import Calibration
from unmask.models.detector import Detector
from unmask.models.inference import score_samples
from unmask.preprocessing.prepare import to_model_inputs
from unmask.training.calibration.fit_scale import fit_scale
from unmask.training.calibration.missing_modalities import (
    fit_missing_modalities,
    without_faces,
    without_sound,
)

RATES = UncertaintySettings(fpr=0.2, fnr=0.2, prevalence=0.3)


@pytest.fixture
def bundle(tiny_settings):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        detector = Detector(tiny_settings.model).eval()
    return Bundle((detector,), PreprocessingSettings(), Calibration(), 1, "demo")


def test_each_is_fitted_to_the_label_of_what_is_left(bundle, toy_clips, toy_load):
    val = select_split(toy_clips, "val")
    silent, unseen = fit_missing_modalities(bundle, val, toy_load, RATES)
    for calibration, remove, label in (
        (silent, without_sound, "fake_video"),
        (unseen, without_faces, "fake_audio"),
    ):
        scores = [score_samples(bundle, to_model_inputs(remove(toy_load(clip))))[0] for clip in val]
        expected = fit_scale(
            np.array([score.logit for score in scores]),
            np.array([getattr(clip, label) for clip in val]),
            RATES,
            [clip.identity for clip in val],
        ).at_prevalence(0.3)
        assert calibration == expected
        assert calibration.prevalence == 0.3
    assert {score.video_probability for score in scores} == {None}


def test_a_score_is_calibrated_by_what_the_sample_has(bundle, toy_clips, toy_load):
    calibration = Calibration(bias=0.25, silent=Calibration(bias=1.0), unseen=Calibration(bias=2.0))
    features = toy_load(toy_clips[0])
    for change, bias in ((lambda f: f, 0.25), (without_sound, 1.0), (without_faces, 2.0)):
        samples = to_model_inputs(change(features))
        (score,) = score_samples(replace(bundle, calibration=calibration), samples)
        assert score.logit == pytest.approx(float(score.member_logits[0]) + bias)
        assert score.calibration_in_effect(calibration).bias == bias


def test_without_labels_of_both_classes_there_is_none(bundle, toy_clips, toy_load):
    val = [
        replace(clip, fake_audio=None) if clip.is_fake else clip
        for clip in select_split(toy_clips, "val")
    ]
    silent, unseen = fit_missing_modalities(bundle, val, toy_load, RATES)
    assert silent is not None
    assert unseen is None
