"""Heads of face and voice by logistic regression."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from unmask.data.torch.evaluation_set import EvaluationClips
from unmask.errors import SingleClassError
from unmask.evaluation.metrics import roc_auc
from unmask.models.collate import collate
from unmask.models.detector import Detector
from unmask.training.detector import logistic_heads
from unmask.training.detector.frozen_features import extract_face_features
from unmask.training.detector.logistic_heads import (
    HeadData,
    RowsByPart,
    collect_rows,
    fit_logistic_heads,
)

LINEAR = {"fusion": "none", "temporal": "none", "trainable": "none", "flow": False}


@pytest.fixture
def settings(tiny_settings):
    model = tiny_settings.model.replace(**LINEAR, voice_backbone="spectral", voice_frozen_layers=0)
    training = tiny_settings.training.replace(heads="logistic", fake_source="labelled")
    return tiny_settings.replace(model=model, training=training)


@pytest.fixture
def detector(settings):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Detector(settings.model).eval()


@pytest.fixture
def data(detector, settings, toy_clips, toy_load):
    clips = [clip for clip in toy_clips if clip.split != "test"]
    vectors = extract_face_features(detector, clips, toy_load, None)
    return HeadData(clips, toy_load, vectors, settings.training)


def fit_heads(detector, data):
    fit_logistic_heads(detector, collect_rows(detector, data))


def part_logits(detector, clips, load):
    """Logit of face and voice of each clip, shape ``(clips, 2)``."""
    rows = []
    for example in EvaluationClips(clips, load):
        with torch.inference_mode():
            out = detector(collate(example.samples[:1], detector.settings))
        rows.append((out.video_logit.item(), out.audio_logit.item()))
    return np.array(rows)


def test_both_parts_are_told_apart_on_clips_of_another_split(detector, data, toy_clips, toy_load):
    fit_heads(detector, data)
    test = [clip for clip in toy_clips if clip.split == "test"]
    face, voice = part_logits(detector, test, toy_load).T
    assert roc_auc(face, np.array([clip.fake_video for clip in test])) == 1
    assert roc_auc(voice, np.array([clip.fake_audio for clip in test])) > 0.9


def test_the_score_of_a_face_is_what_scikit_learn_decides(detector, data, toy_load):
    with torch.inference_mode():
        features = {
            sha256: detector.frame.standardise(torch.from_numpy(rows)).mean(0).double().numpy()
            for sha256, rows in data.vectors.items()
        }
    train = [clip for clip in data.clips if clip.split == "train"]
    regression = LogisticRegression(C=logistic_heads.FACE_C, class_weight="balanced")
    expected = make_pipeline(StandardScaler(), regression).fit(
        np.stack([features[clip.sha256] for clip in train]), [clip.fake_video for clip in train]
    )
    fit_heads(detector, data)
    clips = [clip for clip in data.clips if clip.split == "val"]
    decided = expected.decision_function(np.stack([features[clip.sha256] for clip in clips]))
    np.testing.assert_allclose(part_logits(detector, clips, toy_load)[:, 0], decided, atol=1e-4)


def test_genuine_voices_of_the_training_clips_are_forged_as_well(detector, data, monkeypatch):
    forged = []

    def forge(sha256, method, samples, cache):
        forged.append((sha256, method))
        return samples[::-1].copy()

    monkeypatch.setattr(logistic_heads, "forge_voice", forge)
    changes = {"fake_source": "both", "forged_parts": ("voice",), "voice_forgeries": ("convert",)}
    training = data.training.replace(**changes)
    fit_heads(detector, HeadData(data.clips, data.load, data.vectors, training))
    genuine = [c for c in data.clips if c.split == "train" and not c.is_fake]
    assert forged == [(clip.sha256, "convert") for clip in genuine]


def test_a_part_of_one_class_keeps_its_head(detector, data):
    clips = [clip for clip in data.clips if not clip.fake_video]
    before = detector.frame.project.weight.clone()
    fit_heads(detector, HeadData(clips, data.load, data.vectors, data.training))
    assert torch.equal(detector.frame.project.weight, before)


def test_a_joint_head_is_left_alone(settings, data):
    detector = Detector(settings.model.replace(fusion="concat")).eval()
    before = {name: value.clone() for name, value in detector.state_dict().items()}
    fit_heads(detector, data)
    assert all(torch.equal(value, before[name]) for name, value in detector.state_dict().items())


def test_validation_clips_fit_the_heads_where_the_calibration_is_cross_fitted(detector, data):
    used = {}
    for folds in (0, 3):
        training = data.training.replace(cross_fit=folds)
        rows = collect_rows(detector, HeadData(data.clips, data.load, data.vectors, training))
        used[folds] = {part: set(getattr(rows, part).hashes) for part in ("face", "voice")}
    of_split = {
        split: {clip.sha256 for clip in data.clips if clip.split == split}
        for split in ("train", "val")
    }
    assert used[0] == dict.fromkeys(("face", "voice"), of_split["train"])
    assert used[3] == dict.fromkeys(("face", "voice"), of_split["train"] | of_split["val"])


def test_rows_without_some_clips_are_those_of_all_others(detector, data):
    rows = collect_rows(detector, data).face
    left_out = set(rows.hashes[::3])
    kept = rows.without(left_out)
    expected = [row for row, name in enumerate(rows.hashes) if name not in left_out]
    np.testing.assert_array_equal(kept.features, rows.features[expected])
    np.testing.assert_array_equal(kept.is_forged, rows.is_forged[expected])
    assert not left_out & set(kept.hashes)


@pytest.mark.parametrize("part", ["face", "voice"])
def test_a_fold_with_all_fakes_of_a_part_is_refused(detector, data, part):
    rows = collect_rows(detector, data)
    own = getattr(rows, part)
    fakes = {name for name, forged in zip(own.hashes, own.is_forged, strict=True) if forged}
    with pytest.raises(SingleClassError, match=rf"those with a {part} are .*training\.cross_fit"):
        replace(RowsByPart(None, None), **{part: own}).without(fakes)
