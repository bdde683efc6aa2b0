from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from unmask.config import ModelSettings, PreprocessingSettings
from unmask.errors import MediaError
from unmask.models.bundle import Bundle
from unmask.models.calibration.platt import Calibration
from unmask.models.detector import Detector
from unmask.records import (
    Clip,
    ClipFeatures,
    FaceTrack,
    MediaInfo,
    PersonFeatures,
    Waveform,
)

CLIP = Clip(
    clip_id="x",
    path=Path("/nowhere/x.mp4"),
    sha256="0" * 64,
    source="toy",
    identity="x",
    split="test",
    is_fake=False,
    fake_video=False,
    fake_audio=False,
    manipulation="none",
    pair_id="x",
    duration_s=0.6,
    fps=5.0,
    width=224,
    height=224,
    has_audio=True,
    licence="",
)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def another_detector():
    """A detector that has learnt nothing, whose scores differ from clip to clip."""
    settings = ModelSettings(
        frame_backbone="test_resnet",
        frame_weights="random",
        input_px=32,
        frame_dim=16,
        voice_backbone="tiny",
        voice_weights="random",
        voice_frozen_layers=0,
        voice_dim=8,
    )

    def build(seed):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            detector = Detector(settings)
            torch.nn.init.normal_(detector.head[-1].weight)
        return detector

    return build


@pytest.fixture(scope="module")
def bundle(another_detector):
    return Bundle((another_detector(0),), PreprocessingSettings(), Calibration(), 1, "demo")


@pytest.fixture(scope="module")
def clips():
    """Eight test clips, every second one fake."""
    return tuple(
        replace(CLIP, clip_id=str(n), sha256=f"{n:064x}", is_fake=n % 2 == 1, fake_video=n % 2 == 1)
        for n in range(8)
    )


@pytest.fixture(scope="module")
def load():
    def features(clip):
        if clip.clip_id == "broken":
            raise MediaError("broken.mp4: cannot be decoded")
        rng = np.random.default_rng(int(clip.sha256, 16))
        faces = rng.integers(0, 256, (3, 224, 224, 3), dtype=np.uint8)
        points = np.zeros((3, 68, 2), np.float32)
        boxes, pose = np.zeros((3, 4), np.float32), np.zeros((3, 3), np.float32)
        track = FaceTrack(0, np.arange(3) / 5, boxes, points, pose)
        person = PersonFeatures(track, faces, None, points)
        info = MediaInfo(clip.path, clip.sha256, 1, 0.6, 5.0, 224, 224, 0, "h264", "aac")
        sound = Waveform(rng.normal(0, 0.1, 9600).astype(np.float32))
        return ClipFeatures(info, 0.0, 0.6, 3, (person,), sound, np.array([[0.0, 0.6]]))

    return features
