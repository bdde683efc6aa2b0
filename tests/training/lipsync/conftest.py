"""Toy clips with lips and sound that belong together, and a network fitted to them."""

from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from tests.factories import make_clip
from unmask.config import LipSyncSettings, Settings
from unmask.models.lipsync.checkpoint import load_sync
from unmask.records import (
    ClipFeatures,
    FaceTrack,
    MediaInfo,
    MouthCrops,
    PersonFeatures,
    Waveform,
)
from unmask.training.lipsync.dataset import sync_clips
from unmask.training.lipsync.fit import fit_lipsync

TICKS = 100
TICK_SAMPLES = 640
CROP_PX = 24


@dataclass(frozen=True)
class ToySet:
    """Clips, settings and loader of the toy data."""

    clips: tuple
    settings: Settings
    load: object


@pytest.fixture(scope="session")
def toy():
    clips = [make_toy_clip("train", number) for number in range(16)]
    clips += [make_toy_clip("val", number) for number in range(6)]
    clips += [make_toy_clip("test", number) for number in range(8)]
    clips += [make_toy_clip("test", number, "voice-swap") for number in range(8)]
    sync = LipSyncSettings(dim=24, epochs=10, learning_rate=3e-3)
    return ToySet(tuple(clips), Settings(phase=3, profile="demo", sync=sync), load_toy_features)


@pytest.fixture(scope="session")
def weights_file(toy, tmp_path_factory):
    return fit_lipsync(toy.clips, toy.settings, toy.load, tmp_path_factory.mktemp("sync"))


@pytest.fixture(scope="session")
def net(weights_file):
    return load_sync(weights_file)


@pytest.fixture(scope="session")
def held_out(toy):
    return list(sync_clips([clip for clip in toy.clips if clip.split == "test"], toy.load))


def make_toy_clip(split, number, manipulation="none"):
    return make_clip(
        clip_id=f"{split}-{number}-{manipulation}",
        identity=f"{split}-{number}",
        split=split,
        fake_audio=manipulation != "none",
        manipulation=manipulation,
        duration_s=4.0,
    )


def load_toy_features(clip):
    rng = np.random.default_rng([ord(letter) for letter in clip.identity])
    opening = draw_opening(rng)
    spoken = draw_opening(rng) if clip.is_fake else opening
    landmarks = np.zeros((1, 68, 2), np.float32)
    boxes, pose = np.zeros((1, 4), np.float32), np.zeros((1, 3), np.float32)
    track = FaceTrack(0, np.zeros(1), boxes, landmarks, pose)
    faces, lips = np.zeros((1, 224, 224, 3), np.uint8), draw_mouths(opening, rng)
    person = PersonFeatures(track, faces, None, landmarks, lips=lips)
    info = MediaInfo(clip.path, "", 1, 4.0, 25.0, 48, 48, 0, "h264", "aac")
    waveform = Waveform(draw_voice(spoken, rng))
    return ClipFeatures(info, 0.0, 4.0, 1, (person,), waveform, np.array([[0.0, 4.0]]))


def draw_opening(rng):
    """Draw a mouth that opens and shuts about four times a second, with pauses."""
    widths = rng.integers(4, 9, 40)
    peaks = rng.uniform(0.2, 1.0, 40) * (rng.random(40) > 0.2)
    bumps = [p * np.sin(np.pi * np.arange(w) / w) for p, w in zip(peaks, widths, strict=True)]
    return np.concatenate(bumps)[:TICKS]


def draw_mouths(opening, rng):
    """Draw a dark ellipse on skin of a random shade."""
    skin = rng.uniform(90, 200)
    mouths = np.full((TICKS, CROP_PX, CROP_PX), skin)
    mouths += rng.normal(0, 2, mouths.shape)
    for mouth, height in zip(mouths, opening, strict=True):
        cv2.ellipse(mouth, (12, 11), (6, round(5 * height)), 0, 0, 360, 0.3 * skin, -1)
    time_s = np.arange(TICKS) / 25
    return MouthCrops(
        mouths.clip(0, 255).astype(np.uint8), time_s, opening.astype(np.float32), 25.0
    )


def draw_voice(opening, rng):
    """Draw noise that is louder, and brighter, the wider the mouth is open."""
    loudness = np.repeat(np.sqrt(opening) + 0.02, TICK_SAMPLES)
    white = rng.standard_normal(TICKS * TICK_SAMPLES)
    dark = np.convolve(white, np.ones(12) / 4, "same")
    brightness = np.repeat(opening, TICK_SAMPLES)
    return (0.1 * loudness * (brightness * white + (1 - brightness) * dark)).astype(np.float32)
