"""Scores of clips by heads that were fitted without them."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from unmask.config import CalibrationPlan, PreprocessingSettings, UncertaintySettings
from unmask.data.splits import GROUP_KEYS, assign_folds
from unmask.errors import DataError
from unmask.evaluation.metrics import roc_auc
from unmask.models.bundle import Bundle, load_bundle, save_bundle
from unmask.models.calibration.platt import Calibration
from unmask.models.detector import Detector
from unmask.training.calibration.cross_fit import score_cross_fitted
from unmask.training.calibration.fit import calibrate_bundle, fit_calibration
from unmask.training.detector.frozen_features import extract_face_features
from unmask.training.detector.logistic_heads import HeadData, collect_rows, fit_logistic_heads
from unmask.training.score_clips import score_clip_people

LINEAR = {"fusion": "none", "temporal": "none", "trainable": "none", "flow": False}
FOLDS = 3


@pytest.fixture
def training(tiny_settings):
    return tiny_settings.training.replace(heads="logistic", fake_source="labelled", cross_fit=FOLDS)


@pytest.fixture
def bundle(tiny_settings):
    model = tiny_settings.model.replace(**LINEAR, voice_backbone="spectral", voice_frozen_layers=0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        detector = Detector(model).eval()
    return Bundle((detector,), PreprocessingSettings(), Calibration(), 1, "demo")


@pytest.fixture
def developed(toy_clips):
    return [clip for clip in toy_clips if clip.split != "test"]


def test_each_clip_is_scored_by_heads_fitted_on_the_clips_of_other_folds(
    bundle, developed, toy_load, training
):
    scored = score_cross_fitted(bundle, developed, toy_load, training)
    assert {clip.clip.clip_id for clip in scored} == {clip.clip_id for clip in developed}
    fold_of = dict(zip((c.sha256 for c in developed), assign_folds(developed, FOLDS), strict=True))
    detector = bundle.first_member
    for fold in range(FOLDS):
        others = [clip for clip in developed if fold_of[clip.sha256] != fold]
        vectors = extract_face_features(detector, others, toy_load, None)
        rows = collect_rows(detector, HeadData(others, toy_load, vectors, training))
        fit_logistic_heads(detector, rows)
        own = [clip for clip in developed if fold_of[clip.sha256] == fold]
        expected = {
            clip.clip.clip_id: clip.scores[0].logit
            for clip in score_clip_people(bundle, own, toy_load)
        }
        actual = {c.clip.clip_id: c.scores[0].logit for c in scored if c.clip.clip_id in expected}
        assert actual == pytest.approx(expected, abs=1e-4)


def test_shuffled_labels_are_not_learned(bundle, developed, toy_load, training):
    footage = {clip.clip_id: clip for clip in developed}  # a toy clip looks like its labels

    def load(clip):
        return toy_load(footage[clip.clip_id])

    def measure(clips):
        scored = score_cross_fitted(bundle, clips, load, training)
        return roc_auc(
            np.array([clip.scores[0].logit for clip in scored]),
            np.array([clip.clip.is_fake for clip in scored]),
        )

    assert measure(developed) > 0.9
    labels = np.random.default_rng(0).permutation([clip.is_fake for clip in developed]).tolist()
    shuffled = [
        replace(clip, is_fake=fake, fake_video=fake, fake_audio=fake)
        for clip, fake in zip(developed, labels, strict=True)
    ]
    assert measure(shuffled) < 0.75


def test_own_forgeries_fit_heads_and_are_not_scored(bundle, developed, toy_load, training):
    own = [replace(clip, own_forgery=clip.split == "train" and clip.is_fake) for clip in developed]
    scored = score_cross_fitted(bundle, own, toy_load, training)
    assert {clip.clip.clip_id for clip in scored} == {c.clip_id for c in own if not c.own_forgery}


def test_fewer_people_than_folds_are_refused(bundle, developed, toy_load, training):
    with pytest.raises(DataError, match=r"99 folds of clips of \d+ people; use fewer folds"):
        score_cross_fitted(bundle, developed, toy_load, training.replace(cross_fit=99))


def test_a_bundle_is_calibrated_on_all_clips_and_keeps_its_heads(
    bundle, toy_clips, toy_load, training, tmp_path, monkeypatch
):
    save_bundle(tmp_path / "raw", bundle)
    heads = {
        name: value.clone()
        for name, value in load_bundle(tmp_path / "raw").first_member.state_dict().items()
    }
    monkeypatch.setattr(
        "unmask.training.calibration.fit.make_feature_loader",
        lambda settings, cache, clips: toy_load,
    )
    rates = UncertaintySettings(fpr=0.2, fnr=0.2)
    plan = CalibrationPlan(rates=rates, training=training)
    out = load_bundle(calibrate_bundle(tmp_path / "raw", toy_clips, None, plan, tmp_path / "out"))
    developed = [clip for clip in toy_clips if clip.split != "test"]
    scored = score_cross_fitted(bundle, developed, toy_load, training)
    expected = fit_calibration(scored, rates, 0.0).at_prevalence(rates.prevalence)
    assert out.calibration.fake_above == pytest.approx(expected.fake_above, abs=1e-5)
    assert out.cross_fit_folds == FOLDS
    assert out.calibration.guarantee.reals == sum(not clip.is_fake for clip in developed)
    for name, value in out.first_member.state_dict().items():
        assert torch.equal(value, heads[name]), name


def test_folds_share_neither_person_nor_source_where_there_are_enough_sources(toy_clips):
    clips = [
        replace(clip, source=f"source-{number // 4 % 5}") for number, clip in enumerate(toy_clips)
    ]
    for keys, given in (((*GROUP_KEYS, "source"), clips), (GROUP_KEYS, toy_clips)):
        folds = assign_folds(given, FOLDS)
        assert set(folds) == set(range(FOLDS))
        for key in keys:
            seen = {}
            for clip, fold in zip(given, folds, strict=True):
                seen.setdefault(getattr(clip, key), set()).add(fold)
            assert all(len(values) == 1 for values in seen.values()), key
    assert assign_folds(toy_clips[::-1], FOLDS)[::-1] == assign_folds(toy_clips, FOLDS)
