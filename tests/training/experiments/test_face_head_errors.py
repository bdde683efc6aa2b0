from dataclasses import replace

import pytest
import torch

from tests.toy_fixtures import with_face_targets
from unmask.config import PreprocessingSettings
from unmask.errors import DataError
from unmask.models.bundle import Bundle
from unmask.models.calibration.platt import Calibration
from unmask.models.detector import Detector
from unmask.training.experiments.face_head_errors import evaluate_face_heads


@pytest.fixture
def make_bundle(tiny_settings):
    """Build a detector whose heads predict the same landmarks and yaw for every face."""

    def build(position=0.5, yaw_deg=0.0):
        detector = Detector(tiny_settings.model.replace(auxiliary=True))
        for head in (detector.auxiliary.landmarks, detector.auxiliary.pose):
            torch.nn.init.zeros_(head.weight)
        torch.nn.init.constant_(detector.auxiliary.landmarks.bias, position)
        detector.auxiliary.pose.bias.data = torch.tensor([yaw_deg / 90, 0.0, 0.0])
        return Bundle((detector,), PreprocessingSettings(), Calibration(), phase=2, profile="demo")

    return build


@pytest.fixture
def make_load(toy_load):
    """Load faces whose landmarks all have one position, and whose heads have one yaw, per split."""

    def build(train, test):
        def load(clip):
            position, yaw_deg = train if clip.split == "train" else test
            return with_face_targets(toy_load(clip), position * 224, (yaw_deg, 0, 0))

        return load

    return build


def test_errors_are_distances_in_percent_of_the_face_and_degrees(toy_clips, make_bundle, make_load):
    load = make_load(train=(0.5, 10.0), test=(0.53, 30.0))
    report = evaluate_face_heads(make_bundle(0.49, yaw_deg=18.0), toy_clips, "test", load)
    assert report.faces == 12 * 5
    assert report.heads.landmarks_percent == pytest.approx(4 * 2**0.5, abs=1e-3)
    assert report.mean.landmarks_percent == pytest.approx(3 * 2**0.5, abs=1e-3)
    assert report.heads.yaw_deg == pytest.approx(12.0, abs=1e-3)
    assert report.mean.yaw_deg == pytest.approx(20.0, abs=1e-3)
    assert report.heads.pitch_deg == report.mean.roll_deg == pytest.approx(0.0, abs=1e-6)


def test_a_detector_without_heads_is_an_error(toy_clips, make_bundle, make_load):
    bundle = make_bundle()
    without_heads = Detector(bundle.settings.replace(auxiliary=False))
    bundle = replace(bundle, members=(without_heads,))
    with pytest.raises(DataError, match=r"model\.auxiliary"):
        evaluate_face_heads(bundle, toy_clips, "test", make_load((0.5, 0), (0.5, 0)))


def test_a_split_without_a_face_is_named(toy_clips, make_bundle, make_load):
    train = [clip for clip in toy_clips if clip.split == "train"]
    with pytest.raises(DataError, match="'test'"):
        evaluate_face_heads(make_bundle(), train, "test", make_load((0.5, 0), (0.5, 0)))
