from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from unmask.config import EvaluationSettings, ModelSettings, Settings, TrainingSettings
from unmask.errors import MediaError
from unmask.records import (
    Clip,
    ClipFeatures,
    FaceTrack,
    MediaInfo,
    PersonFeatures,
    Waveform,
)

RATE_HZ = 16_000


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Tiny models gain nothing from threads, and lose much where tests run side by side."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def tiny_settings():
    model = ModelSettings(
        frame_backbone="test_resnet",
        frame_weights="random",
        input_px=32,
        frame_dim=16,
        voice_backbone="tiny",
        voice_weights="random",
        voice_frozen_layers=0,
        voice_dim=8,
        dropout=0.1,
    )
    training = TrainingSettings(
        epochs=2, batch_clips=4, frames=3, audio_s=0.5, learning_rate=3e-3, precision="32"
    )
    return Settings(
        profile="demo", model=model, training=training, evaluation=EvaluationSettings(resamples=10)
    )


@pytest.fixture
def toy_clips():
    """Twelve clips of each split; a forged face is bright, a forged voice a pure tone."""
    clips = []
    for split in ("train", "val", "test"):
        for number in range(12):
            fake_video, fake_audio = number % 4 in (1, 3), number % 4 in (2, 3)
            name = f"{split}-{number}"
            clips.append(
                Clip(
                    clip_id=name,
                    path=Path(f"/nowhere/{name}.mp4"),
                    sha256=f"{len(clips):064x}",
                    source="toy",
                    identity=name,
                    split=split,
                    is_fake=fake_video or fake_audio,
                    fake_video=fake_video,
                    fake_audio=fake_audio,
                    manipulation="toy" if fake_video or fake_audio else "none",
                    pair_id=name,
                    duration_s=1.0,
                    fps=5.0,
                    width=224,
                    height=224,
                    has_audio=True,
                    licence="",
                )
            )
    return tuple(clips)


@pytest.fixture
def toy_load():
    """Features of a toy clip; a clip whose name starts with ``broken`` cannot be read."""

    def load(clip):
        if clip.clip_id.startswith("broken"):
            raise MediaError(f"{clip.path}: cannot be decoded")
        rng = np.random.default_rng(int(clip.sha256, 16))
        people = () if clip.clip_id.startswith("faceless") else (a_person(clip, rng),)
        time_s = np.arange(RATE_HZ) / RATE_HZ
        tone = 0.3 * np.sin(2 * np.pi * 440 * time_s)
        sound = tone if clip.fake_audio else rng.normal(0, 0.1, RATE_HZ)
        sound = np.zeros(0) if clip.clip_id.startswith("faceless-silent") else sound
        info = MediaInfo(clip.path, clip.sha256, 1, 1.0, 5.0, 224, 224, 0, "h264", "aac")
        waveform = Waveform(sound.astype(np.float32)) if len(sound) else None
        return ClipFeatures(info, 0.0, 1.0, 5, people, waveform, np.array([[0.0, 1.0]]))

    return load


def a_person(clip, rng):
    low, high = (150, 255) if clip.fake_video else (0, 105)
    faces = rng.integers(low, high, (5, 224, 224, 3), dtype=np.uint8)
    track = FaceTrack(
        person=0,
        time_s=np.arange(5) / 5,
        boxes_px=np.zeros((5, 4), np.float32),
        landmarks_px=np.zeros((5, 68, 2), np.float32),
        pose_deg=np.zeros((5, 3), np.float32),
    )
    flow = np.zeros((5, 2, 224, 224), np.int8)
    return PersonFeatures(track, faces, flow, np.zeros((5, 68, 2), np.float32))


@pytest.fixture
def renamed():
    """The clips with some of one split called by another name, so that they fail to load."""

    def rename(clips, split, number, name):
        found = [clip for clip in clips if clip.split == split][number]
        return tuple(
            replace(clip, clip_id=f"{name}-{clip.clip_id}") if clip is found else clip
            for clip in clips
        )

    return rename
