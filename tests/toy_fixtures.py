"""Toy clips, settings and scores for training, evaluation and end-to-end tests.

A conftest imports the fixtures that its tests use.
"""

from dataclasses import replace

import numpy as np
import pytest

from tests.factories import make_clip, make_model_settings
from unmask.config import EvaluationSettings, Settings, TrainingSettings, ValidationSettings
from unmask.errors import MediaError
from unmask.records import (
    RATE_HZ,
    ClipFeatures,
    FaceTrack,
    MediaInfo,
    PersonFeatures,
    ScoreRow,
    Waveform,
)

FRAMES = 5
MANIPULATIONS = ("none", "none", "face_swap", "voice")


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Tiny models gain nothing from threads, and parallel tests slow each other down."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def tiny_settings():
    return Settings(
        profile="demo",
        model=make_model_settings(dropout=0.1),
        training=TrainingSettings(
            epochs=2, batch_clips=4, frames=3, audio_s=0.5, learning_rate=3e-3, precision="32"
        ),
        validation=ValidationSettings(select_share=0.99),  # too few clips for a second set
        evaluation=EvaluationSettings(resamples=10),
    )


@pytest.fixture
def toy_clips():
    """Twelve clips of each split; a fake face is bright, a fake voice a pure tone."""
    clips = []
    for split in ("train", "val", "test"):
        for number in range(12):
            fake_video, fake_audio = number % 4 in (1, 3), number % 4 in (2, 3)
            clips.append(
                make_clip(
                    clip_id=f"{split}-{number}",
                    sha256=f"{len(clips):064x}",
                    identity=f"{split}-{number}",
                    split=split,
                    fake_video=fake_video,
                    fake_audio=fake_audio,
                    manipulation="toy" if fake_video or fake_audio else "none",
                    duration_s=1.0,
                    fps=5.0,
                    width=224,
                    height=224,
                )
            )
    return tuple(clips)


@pytest.fixture
def toy_load():
    """Load the features of a toy clip.

    A clip whose name starts with ``broken`` cannot be read, one with ``faceless`` has no face,
    and one with ``faceless-silent`` has no sound either.
    """
    return load_toy


def load_toy(clip):
    if clip.clip_id.startswith("broken"):
        raise MediaError(f"{clip.path}: cannot be decoded")
    rng = np.random.default_rng(int(clip.sha256, 16))
    people = () if clip.clip_id.startswith("faceless") else (make_person(clip, rng),)
    time_s = np.arange(RATE_HZ) / RATE_HZ
    tone = 0.3 * np.sin(2 * np.pi * 440 * time_s)
    samples = tone if clip.fake_audio else rng.normal(0, 0.1, RATE_HZ)
    silent = clip.clip_id.startswith("faceless-silent")
    waveform = None if silent else Waveform(samples.astype(np.float32))
    info = MediaInfo(clip.path, clip.sha256, 1, 1.0, 5.0, 224, 224, 0, "h264", "aac")
    return ClipFeatures(info, 0.0, 1.0, FRAMES, people, waveform, np.array([[0.0, 1.0]]))


def make_person(clip, rng):
    low, high = (150, 255) if clip.fake_video else (0, 105)
    faces = rng.integers(low, high, (FRAMES, 224, 224, 3), dtype=np.uint8)
    landmarks = np.zeros((FRAMES, 68, 2), np.float32)
    track = FaceTrack(
        person=0,
        time_s=np.arange(FRAMES) / 5,
        boxes_px=np.zeros((FRAMES, 4), np.float32),
        landmarks_px=landmarks,
        pose_deg=np.zeros((FRAMES, 3), np.float32),
    )
    flow = np.zeros((FRAMES, 2, 224, 224), np.int8)
    return PersonFeatures(track, faces, flow, landmarks)


def with_face_targets(features, landmarks, pose_deg):
    """Return the features with other landmarks and head pose of their only person.

    Args:
        landmarks: In pixels, of a shape that broadcasts to ``(FRAMES, 68, 2)``.
        pose_deg: Of a shape that broadcasts to ``(FRAMES, 3)``.
    """
    (person,) = features.people
    pose = np.broadcast_to(np.float32(pose_deg), (FRAMES, 3)).copy()
    points = np.broadcast_to(np.float32(landmarks), (FRAMES, 68, 2)).copy()
    track = replace(person.track, pose_deg=pose)
    return replace(features, people=(replace(person, landmarks=points, track=track),))


@pytest.fixture
def rename_clip():
    """Give the n-th clip of a split a prefix that makes :func:`toy_load` fail."""

    def rename(clips, split, number, prefix):
        target = [clip for clip in clips if clip.split == split][number]
        return tuple(
            replace(clip, clip_id=f"{prefix}-{clip.clip_id}") if clip is target else clip
            for clip in clips
        )

    return rename


@pytest.fixture
def score_rows():
    """Build a plausible score table: 8 clips per person, half of them fake."""

    def build(clips=160, seed=0):
        rng = np.random.default_rng(seed)
        return tuple(make_score_row(number, rng) for number in range(clips))

    return build


def make_score_row(number, rng):
    manipulation = MANIPULATIONS[number % len(MANIPULATIONS)]
    is_fake = manipulation != "none"
    logit = float(rng.normal(1.5 if is_fake else -1.5, 2.0))
    return ScoreRow(
        clip_id=f"clip{number}",
        identity=f"person{number // 8}",
        split="test",
        manipulation=manipulation,
        is_fake=is_fake,
        logit=logit,
        probability=float(1 / (1 + np.exp(-logit))),
        video_probability=float(rng.random()),
        audio_probability=float(rng.random()) if number % 3 else None,
        fake_video=manipulation == "face_swap",
        fake_audio=manipulation == "voice",
    )
