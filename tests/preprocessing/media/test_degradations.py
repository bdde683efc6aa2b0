import os
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from unmask.errors import ConfigError
from unmask.preprocessing.media import degradations

CODECS = pytest.mark.parametrize(
    ("codec", "good", "poor"),
    [("h264", 15, 40), ("h265", 15, 40), ("vp9", 15, 55), ("av1", 15, 55)],
)
VOICES = pytest.mark.parametrize(("codec", "low"), [("aac", 16), ("opus", 8)])


@pytest.fixture(scope="module")
def faces(portrait):
    """Six pictures of a head that moves a little, 128 px."""
    return np.stack([portrait[40 : 40 + 128, 60 + n : 60 + n + 128] for n in range(6)])


@pytest.fixture(scope="module")
def samples():
    """A second and a bit of a voice-like sound, not a whole number of any codec's blocks."""
    time_s = np.arange(19_999) / 16_000
    tones = sum(np.sin(2 * np.pi * 140 * n * time_s + n) / n for n in range(1, 20))
    loudness = np.clip(np.sin(2 * np.pi * 3 * time_s) + 0.6, 0, None)
    return (0.15 * tones * loudness).astype(np.float32)


def psnr_db(one, other):
    error = np.mean((one.astype(np.float64) - other) ** 2)
    return 10 * np.log10(255**2 / error)


def snr_db(clean, heard):
    return 10 * np.log10(np.mean(clean.astype(np.float64) ** 2) / np.mean((heard - clean) ** 2))


def test_blur_is_that_of_scipy(faces):
    expected = ndimage.gaussian_filter(
        faces[0].astype(np.float64), (1.5, 1.5, 0), mode="mirror", truncate=4
    )
    assert np.abs(degradations.blur(faces, 1.5)[0].astype(float) - expected).max() <= 2


@CODECS
def test_a_film_keeps_every_picture_and_a_worse_quality_is_further_off(faces, codec, good, poor):
    fine, rough = (
        degradations.reencode_frames(faces, codec, good),
        degradations.reencode_frames(faces, codec, poor),
    )
    assert fine.shape == rough.shape == faces.shape
    assert psnr_db(faces, fine) > 33
    assert psnr_db(faces, rough) < psnr_db(faces, fine) - 5
    # colours do not drift: what is lost is detail
    assert np.abs(fine.mean((0, 1, 2)) - faces.mean((0, 1, 2))).max() < 2


def test_no_picture_and_no_sound_stay_none():
    assert degradations.reencode_frames(np.zeros((0, 8, 8, 3), np.uint8), "h264", 23).shape == (
        0,
        8,
        8,
        3,
    )
    assert len(degradations.reencode_audio(np.zeros(0, np.float32), "aac", 24)) == 0
    assert len(degradations.add_noise(np.zeros(0, np.float32), 20, np.random.default_rng(0))) == 0


def test_noise_is_as_loud_as_asked_for_and_depends_on_the_generator_alone(samples):
    noisy = degradations.add_noise(samples, 15, np.random.default_rng(3))
    assert noisy.dtype == np.float32
    assert snr_db(samples, noisy) == pytest.approx(15, abs=0.3)
    assert np.array_equal(noisy, degradations.add_noise(samples, 15, np.random.default_rng(3)))
    silence = np.zeros(100, np.float32)
    assert not degradations.add_noise(silence, 15, np.random.default_rng(3)).any()


@VOICES
def test_a_voice_is_not_shifted_and_fewer_bits_are_further_off(samples, codec, low):
    good, poor = (
        degradations.reencode_audio(samples, codec, 96),
        degradations.reencode_audio(samples, codec, low),
    )
    assert good.shape == poor.shape == samples.shape
    assert good.dtype == np.float32
    assert np.abs(good).max() <= 1
    shifts = range(-40, 41)
    inner = slice(400, -400)
    likeness = [np.dot(np.roll(good, shift)[inner], samples[inner]) for shift in shifts]
    assert abs(shifts[int(np.argmax(likeness))]) <= 1
    assert snr_db(samples, good) > snr_db(samples, poor)


def test_a_codec_that_does_not_exist_is_named(faces, samples):
    with pytest.raises(ConfigError, match="theora"):
        degradations.reencode_frames(faces, "theora", 23)
    with pytest.raises(ConfigError, match="mp3"):
        degradations.reencode_audio(samples, "mp3", 24)


@pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="a system of Linux alone")
@CODECS
def test_no_encoder_makes_a_thread_more_urgent(faces, codec, good, poor):
    """SVT-AV1 does where root runs it, and then nothing else on the machine gets on."""
    before = os.sched_getscheduler(0)
    degradations.reencode_frames(faces, codec, good)
    tasks = Path("/proc/self/task").iterdir()
    assert {os.sched_getscheduler(int(task.name)) for task in tasks} == {before}
