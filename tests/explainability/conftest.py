"""Detectors whose reasons are known, and moments to score."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.factories import make_model_settings
from unmask.config import PreprocessingSettings
from unmask.models.bundle import Bundle
from unmask.models.calibration.platt import Calibration
from unmask.models.detector import Detector
from unmask.models.inference import SampleScore
from unmask.records import ClipFeatures, FaceTrack, MediaInfo, ModelInput, PersonFeatures, Waveform

SILENCE = np.zeros(0, np.float32)


@pytest.fixture(autouse=True, scope="session")
def single_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tiny():
    return make_model_settings(input_px=224)


@pytest.fixture(scope="session")
def make_bundle(tiny):
    """An untrained bundle with random weights, also where training starts at zero."""

    def build(**changes):
        with torch.random.fork_rng():
            torch.manual_seed(3)
            detector = Detector(tiny.replace(**changes)).eval()
            for block in getattr(detector.temporal, "blocks", ()):
                nn.init.normal_(block.widen.weight)
        calibration = Calibration(temperature=2.0)
        return Bundle((detector,), PreprocessingSettings(), calibration, phase=1, profile="demo")

    return build


class DetailMap(nn.Module):
    """Amount of fine detail in one region of the face."""

    def __init__(self, rows, columns):
        super().__init__()
        window = torch.zeros(1, 1, 224, 224)
        window[..., rows, columns] = 1
        self.register_buffer("window", window)

    def forward(self, x):
        fine = (x - F.avg_pool2d(x, 9, 1, 4, count_include_pad=False)).abs()
        return F.avg_pool2d(fine * self.window, 8)  # (N, 3, 28, 28)


class OneMapBackbone(nn.Module):
    """Backbone of one map, whose mean is the output."""

    def __init__(self, seen):
        super().__init__()
        self.seen = seen
        self.last = nn.Linear(3, 3)
        self.last.weight.data.fill_(20.0)

    def forward(self, x):
        return self.last(self.seen(x).mean((2, 3)))


class Unchanged(nn.Module):
    """Stand-in for the temporal encoder: no frame depends on its neighbours."""

    def forward(self, x, mask, times=None):
        return x * mask[..., None]


@pytest.fixture
def make_detail_bundle(make_bundle):
    """A bundle whose frame score grows with the detail in a region: rows, columns."""

    def build(rows, columns):
        bundle = make_bundle()
        detector = bundle.first_member
        detector.frame.backbone = OneMapBackbone(DetailMap(rows, columns))
        detector.frame.mean.zero_()
        detector.frame.std.fill_(1.0)
        detector.frame.project = nn.Linear(3, 16)
        detector.frame.project.weight.data.fill_(1.0)
        detector.frame_head.weight.data.fill_(1.0)
        detector.temporal = Unchanged()
        return bundle

    return build


class Loudness(nn.Module):
    """Stand-in for the voice encoder: the loudness of each step."""

    def forward(self, waveform, sample_mask, speech_mask):
        x = torch.where(speech_mask & sample_mask, waveform, 0.0).abs()
        loud = F.avg_pool1d(x[:, None], 400, 320)[:, 0]
        mask = F.avg_pool1d(speech_mask.float()[:, None], 400, 320)[:, 0] >= 0.5
        return loud[..., None].expand(-1, -1, 8) * mask[..., None], mask


@pytest.fixture
def loudness_bundle(make_bundle):
    """A bundle whose score grows with the loudness of the voice."""
    bundle = make_bundle()
    bundle.first_member.voice = Loudness()
    bundle.first_member.step_head.weight.data.fill_(5.0)
    return bundle


LANDMARKS = np.float32(
    [
        *((40 + 9 * n, 110 + 80 * np.sin(np.pi * n / 16)) for n in range(17)),  # jaw
        *((55 + 12 * n, 80) for n in range(10)),  # brows
        *((112, 95 + 8 * n) for n in range(4)),  # ridge of the nose, tip last
        *((98 + 7 * n, 130) for n in range(5)),
        *((80 + 5 * np.cos(n), 95 + 3 * np.sin(n)) for n in range(6)),  # eyes
        *((144 + 5 * np.cos(n), 95 + 3 * np.sin(n)) for n in range(6)),
        *((112 - 22 * np.cos(n * np.pi / 6), 160 - 8 * np.sin(n * np.pi / 6)) for n in range(12)),
        *((112 - 15 * np.cos(n * np.pi / 4), 160 - 3 * np.sin(n * np.pi / 4)) for n in range(8)),
    ]
)


def similar(points, turn_deg, scale, shift):
    turn = np.deg2rad(turn_deg)
    matrix = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return (points @ matrix.T + shift).astype(np.float32)


@pytest.fixture(scope="session")
def landmarks():
    """68 points of a plain face in the aligned image."""
    return LANDMARKS


@pytest.fixture(scope="session")
def make_person(landmarks):
    """A person of noise at given times, whose face is rotated and larger in the video."""

    def make(times_s, number=0, flow=False):
        count = len(times_s)
        rng = np.random.default_rng((number, count))
        shown = similar(landmarks, 25.0, 1.5, (90.0, 20.0))
        box = np.concatenate([shown.min(axis=0), shown.max(axis=0)])
        track = FaceTrack(
            number,
            np.asarray(times_s, np.float64),
            np.tile(box, (count, 1)),
            np.tile(shown, (count, 1, 1)),
            np.zeros((count, 3), np.float32),
        )
        faces = rng.integers(0, 256, (count, 224, 224, 3), dtype=np.uint8)
        levels = rng.integers(-9, 9, (count, 2, 224, 224), dtype=np.int8) if flow else None
        return PersonFeatures(track, faces, levels, np.tile(landmarks, (count, 1, 1)))

    return make


@pytest.fixture(scope="session")
def make_window():
    """A window of a video with people and with sound that is all speech."""

    def make(*people, start_s=0.0, sound=None):
        samples = SILENCE if sound is None else sound
        info = MediaInfo("video.mp4", "0" * 64, 1, 60.0, 25.0, 640, 480, 0, "h264", None)
        return ClipFeatures(
            info,
            start_s,
            start_s + 30.0,
            99,
            people,
            None if sound is None else Waveform(samples),
            np.array([[0.0, len(samples) / 16_000]]),
        )

    return make


@pytest.fixture(scope="session")
def make_score():
    """Scores of a person per frame and of the sound per 20 ms."""

    def make(frames=(), steps=()):
        frames, steps = np.asarray(frames, np.float64), np.asarray(steps, np.float64)
        return SampleScore(0.0, 0.5, 0.5, None, frames, steps, np.zeros(1))

    return make


@pytest.fixture(scope="session")
def make_sound():
    def make(samples):
        faces = np.zeros((0, 224, 224, 3), np.uint8)
        return ModelInput(faces, None, samples.astype(np.float32), np.ones(len(samples), np.bool_))

    return make
