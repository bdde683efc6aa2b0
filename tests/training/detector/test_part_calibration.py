"""Calibration of face and voice apart."""

import numpy as np
import pytest
import torch
from scipy.special import expit

from unmask.evaluation.metrics import negative_log_likelihood, roc_auc
from unmask.models.detector import Detector
from unmask.training.detector.data_loaders import build_validation_loader
from unmask.training.detector.lightning_module import DetectorModule, validation_row
from unmask.training.detector.part_calibration import calibrate_parts

PARTS = ("video", "audio")


@pytest.fixture
def calibrate(tiny_settings, toy_load):
    """Return the validation rows before and after the calibration of a random detector."""

    def run(clips, **model):
        settings = tiny_settings.replace(model=tiny_settings.model.replace(**model))
        with torch.random.fork_rng():
            torch.manual_seed(0)
            detector = Detector(settings.model)
        module = DetectorModule(detector, settings.training, 0).eval()
        with torch.no_grad():
            detector.frame_head.weight *= 30
            detector.step_head.bias += 5
        batches = list(build_validation_loader(clips, settings, toy_load, None))
        before = rows_of(module, batches)
        calibrate_parts(module, batches)
        return before, rows_of(module, batches)

    return run


@torch.inference_mode()
def rows_of(module, batches):
    rows = [validation_row(module.predict(b.batch, None), b.targets) for b in batches]
    return {name: torch.cat([row[name] for row in rows]).numpy() for name in rows[0]}


def test_face_and_voice_become_probabilities_and_keep_their_order(calibrate, toy_clips):
    before, after = calibrate(toy_clips, fusion="none")
    for part in PARTS:
        labels = before[f"fake_{part}"]
        old, new = (expit(rows[part].astype(np.float64)) for rows in (before, after))
        assert negative_log_likelihood(new, labels) < negative_log_likelihood(old, labels) - 0.1
        assert roc_auc(new, labels) == pytest.approx(roc_auc(old, labels))
        assert new.mean() == pytest.approx(labels.mean(), abs=0.05)


def test_a_part_without_fakes_keeps_its_scores(calibrate, toy_clips):
    clips = [clip for clip in toy_clips if not clip.fake_audio]
    before, after = calibrate(clips, fusion="none")
    np.testing.assert_array_equal(before["audio"], after["audio"])
    assert not np.allclose(before["video"], after["video"])


def test_a_joint_head_is_left_alone(calibrate, toy_clips):
    before, after = calibrate(toy_clips, fusion="concat")
    for part in (*PARTS, "logit"):
        np.testing.assert_array_equal(before[part], after[part])
