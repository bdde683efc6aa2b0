from dataclasses import replace

import numpy as np
import pytest
import torch

from unmask.config import PreprocessingSettings
from unmask.errors import DataError
from unmask.models.bundle import Bundle
from unmask.models.calibration.platt import Calibration
from unmask.models.detector import Detector
from unmask.training.experiments.face_head_errors import auxiliary_errors_of


@pytest.fixture
def a_bundle(tiny_settings):
    """A detector whose heads answer every face alike: points in the middle, looking ahead."""

    def build(points=0.5, yaw_deg=0.0):
        detector = Detector(tiny_settings.model.replace(auxiliary=True))
        for head in (detector.auxiliary.landmarks, detector.auxiliary.pose):
            torch.nn.init.zeros_(head.weight)
        torch.nn.init.constant_(detector.auxiliary.landmarks.bias, points)
        detector.auxiliary.pose.bias.data = torch.tensor([yaw_deg / 90, 0.0, 0.0])
        return Bundle((detector,), PreprocessingSettings(), Calibration(), phase=2, profile="demo")

    return build


@pytest.fixture
def faces_at(toy_load):
    """Features whose points all lie at one place, and whose heads are all turned alike."""

    def build(train, test):
        def load(clip):
            side, yaw_deg = train if clip.split == "train" else test
            features = toy_load(clip)
            (person,) = features.people
            points = np.full((5, 68, 2), side * 224, np.float32)
            pose = np.tile(np.float32([yaw_deg, 0, 0]), (5, 1))
            track = replace(person.track, pose_deg=pose)
            return replace(features, people=(replace(person, landmarks=points, track=track),))

        return load

    return build


def test_errors_are_distances_in_percent_of_the_face_and_degrees(toy_clips, a_bundle, faces_at):
    load = faces_at(train=(0.5, 10.0), test=(0.53, 30.0))
    report = auxiliary_errors_of(a_bundle(0.49, yaw_deg=18.0), toy_clips, "test", load)
    assert report.faces == 12 * 5
    assert report.heads.landmarks_percent == pytest.approx(4 * 2**0.5, abs=1e-3)
    assert report.mean.landmarks_percent == pytest.approx(3 * 2**0.5, abs=1e-3)
    assert report.heads.yaw_deg == pytest.approx(12.0, abs=1e-3)
    assert report.mean.yaw_deg == pytest.approx(20.0, abs=1e-3)
    assert report.heads.pitch_deg == report.mean.roll_deg == pytest.approx(0.0, abs=1e-6)


def test_a_detector_without_heads_is_told_so(toy_clips, a_bundle, faces_at):
    plain = a_bundle()
    plain = replace(plain, members=(Detector(plain.settings.replace(auxiliary=False)),))
    with pytest.raises(DataError, match=r"model\.auxiliary"):
        auxiliary_errors_of(plain, toy_clips, "test", faces_at((0.5, 0), (0.5, 0)))


def test_a_split_without_a_face_is_named(toy_clips, a_bundle, faces_at):
    train = [clip for clip in toy_clips if clip.split == "train"]
    with pytest.raises(DataError, match="'test'"):
        auxiliary_errors_of(a_bundle(), train, "test", faces_at((0.5, 0), (0.5, 0)))
