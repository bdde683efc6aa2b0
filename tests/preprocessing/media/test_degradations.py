"""Degradations of faces and speech."""

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
    """Six images of a slightly moving head, 128 px."""
    return np.stack([portrait[40 : 40 + 128, 60 + n : 60 + n + 128] for n in range(6)])


@pytest.fixture(scope="module")
def samples():
    """1.25 s of a voice-like signal, not an integer number of any codec's blocks."""
    time_s = np.arange(19_999) / 16_000
    tones = sum(np.sin(2 * np.pi * 140 * n * time_s + n) / n for n in range(1, 20))
    loudness = np.clip(np.sin(2 * np.pi * 3 * time_s) + 0.6, 0, None)
    return (0.15 * tones * loudness).astype(np.float32)


def psnr_db(expected, actual):
    error = np.mean((expected.astype(np.float64) - actual) ** 2)
    return 10 * np.log10(255**2 / error)


def snr_db(clean, noisy):
    return 10 * np.log10(np.mean(clean.astype(np.float64) ** 2) / np.mean((noisy - clean) ** 2))


def test_blur_agrees_with_scipy(faces):
    expected = ndimage.gaussian_filter(
        faces[0].astype(np.float64), (1.5, 1.5, 0), mode="mirror", truncate=4
    )
    assert np.abs(degradations.blur(faces, 1.5)[0].astype(float) - expected).max() <= 2


@CODECS
def test_reencoding_keeps_all_frames_and_lower_quality_has_lower_psnr(faces, codec, good, poor):
    fine = degradations.reencode_frames(faces, codec, good)
    rough = degradations.reencode_frames(faces, codec, poor)
    assert fine.shape == rough.shape == faces.shape
    assert psnr_db(faces, fine) > 33
    assert psnr_db(faces, rough) < psnr_db(faces, fine) - 5
    # colours do not drift; only detail is lost
    assert np.abs(fine.mean((0, 1, 2)) - faces.mean((0, 1, 2))).max() < 2


def test_empty_input_gives_empty_output():
    no_frames = np.zeros((0, 8, 8, 3), np.uint8)
    assert degradations.reencode_frames(no_frames, "h264", 23).shape == (0, 8, 8, 3)
    assert degradations.blur(no_frames, 1.0).shape == (0, 8, 8, 3)
    assert len(degradations.reencode_audio(np.zeros(0, np.float32), "aac", 24)) == 0
    assert len(degradations.add_noise(np.zeros(0, np.float32), 20, np.random.default_rng(0))) == 0


def test_noise_has_the_requested_snr_and_depends_on_the_generator_alone(samples):
    noisy = degradations.add_noise(samples, 15, np.random.default_rng(3))
    assert noisy.dtype == np.float32
    assert snr_db(samples, noisy) == pytest.approx(15, abs=0.3)
    assert np.array_equal(noisy, degradations.add_noise(samples, 15, np.random.default_rng(3)))
    silence = np.zeros(100, np.float32)
    assert not degradations.add_noise(silence, 15, np.random.default_rng(3)).any()


@VOICES
def test_reencoded_audio_is_not_delayed_and_fewer_bits_have_lower_snr(samples, codec, low):
    good = degradations.reencode_audio(samples, codec, 96)
    poor = degradations.reencode_audio(samples, codec, low)
    assert good.shape == poor.shape == samples.shape
    assert good.dtype == np.float32
    assert np.abs(good).max() <= 1
    shifts = range(-40, 41)
    inner = slice(400, -400)
    correlation = [np.dot(np.roll(good, shift)[inner], samples[inner]) for shift in shifts]
    assert abs(shifts[int(np.argmax(correlation))]) <= 1
    assert snr_db(samples, good) > snr_db(samples, poor)


def test_unknown_codec_is_rejected_by_name(faces, samples):
    with pytest.raises(ConfigError, match="theora"):
        degradations.reencode_frames(faces, "theora", 23)
    with pytest.raises(ConfigError, match="mp3"):
        degradations.reencode_audio(samples, "mp3", 24)


@pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="Linux only")
@CODECS
def test_no_encoder_changes_the_scheduling_of_threads(faces, codec, good, poor):
    """SVT-AV1 does when run by root, which starves other processes."""
    before = os.sched_getscheduler(0)
    degradations.reencode_frames(faces, codec, good)
    tasks = Path("/proc/self/task").iterdir()
    assert {os.sched_getscheduler(int(task.name)) for task in tasks} == {before}


@pytest.mark.parametrize(("codec", "good", "poor"), [("jpeg", 95, 20), ("h264", 10, 40)])
def test_images_of_several_sizes_are_encoded_each_for_itself(faces, codec, good, poor):
    images = [faces[0], faces[1][:-3, :-7], faces[0]]
    fine = degradations.reencode_images(images, codec, good)
    rough = degradations.reencode_images(images, codec, poor)
    assert [image.shape for image in fine] == [image.shape for image in images]
    for image, better, worse in zip(images, fine, rough, strict=True):
        assert psnr_db(image, better) > 30
        assert psnr_db(image, worse) < psnr_db(image, better) - 5
    assert np.array_equal(fine[0], fine[2])  # whatever precedes it


def test_an_unknown_image_codec_is_named(faces):
    with pytest.raises(ConfigError, match="gif"):
        degradations.reencode_images([faces[0]], "gif", 50)
