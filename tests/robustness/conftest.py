from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.factories import make_clip, make_model_settings
from tests.toy_fixtures import one_thread  # noqa: F401
from unmask.config import PreprocessingSettings
from unmask.data.torch.evaluation_set import EvaluationClips
from unmask.errors import MediaError
from unmask.models.bundle import Bundle
from unmask.models.calibration.platt import Calibration
from unmask.models.detector import Detector
from unmask.records import ClipFeatures, FaceTrack, MediaInfo, PersonFeatures, Waveform

FRAMES = 3


@pytest.fixture(scope="module")
def make_detector():
    """Build an untrained detector whose scores differ from clip to clip."""

    def build(seed):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            detector = Detector(make_model_settings())
            torch.nn.init.normal_(detector.head[-1].weight)
        return detector

    return build


@pytest.fixture(scope="module")
def bundle(make_detector):
    return Bundle((make_detector(0),), PreprocessingSettings(), Calibration(), 1, "demo")


@pytest.fixture(scope="module")
def clips():
    """Eight test clips, every second one fake."""
    clip = make_clip(
        clip_id="x", path=Path("/nowhere/x.mp4"), identity="x", duration_s=0.6, fps=5.0
    )
    return tuple(
        replace(clip, clip_id=str(n), sha256=f"{n:064x}", is_fake=n % 2 == 1, fake_video=n % 2 == 1)
        for n in range(8)
    )


@pytest.fixture(scope="module")
def load():
    def load_features(clip):
        if clip.clip_id == "broken":
            raise MediaError("broken.mp4: cannot be decoded")
        rng = np.random.default_rng(int(clip.sha256, 16))
        faces = rng.integers(0, 256, (FRAMES, 224, 224, 3), dtype=np.uint8)
        landmarks = np.zeros((FRAMES, 68, 2), np.float32)
        boxes, pose = np.zeros((FRAMES, 4), np.float32), np.zeros((FRAMES, 3), np.float32)
        track = FaceTrack(0, np.arange(FRAMES) / 5, boxes, landmarks, pose)
        person = PersonFeatures(track, faces, None, landmarks)
        info = MediaInfo(clip.path, clip.sha256, 1, 0.6, 5.0, 224, 224, 0, "h264", "aac")
        waveform = Waveform(rng.normal(0, 0.1, 9600).astype(np.float32))
        return ClipFeatures(info, 0.0, 0.6, FRAMES, (person,), waveform, np.array([[0.0, 0.6]]))

    return load_features


@pytest.fixture(scope="module")
def ensemble(bundle, make_detector):
    return replace(bundle, members=(bundle.first_member, make_detector(1), make_detector(2)))


@pytest.fixture(scope="module")
def examples(clips, load):
    return list(EvaluationClips(clips, load))
