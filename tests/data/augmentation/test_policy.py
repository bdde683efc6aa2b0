from dataclasses import fields, replace

import cv2
import numpy as np
import pytest

from unmask.config import AugmentationSettings
from unmask.data.augmentation.faces import adjust_colour
from unmask.data.augmentation.policy import augment_sample, sample_augmentation
from unmask.records import ModelInput

NO_AUGMENTATION = AugmentationSettings(mirror=0.0, light=0.0)
# drawn before a clip is loaded, elsewhere
FILE_KINDS = {"reencode", "reencodings"}
KINDS = [kind for kind in AugmentationSettings.model_fields if kind not in FILE_KINDS]
FACE_KINDS = {"mirror", "light", "colour", "blur", "resize", "codec", "cutout"}
AUDIO_KINDS = {"codec", "pitch", "stretch", "noise", "tilt"}


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(0)
    coarse = rng.integers(60, 190, (3, 28, 28, 3)).astype(np.uint8)
    angle = np.linspace(0, 2 * np.pi, 68, endpoint=False)
    circle = 112 + 60 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    time_s = np.arange(8000) / 16_000
    return ModelInput(
        faces=coarse.repeat(8, axis=1).repeat(8, axis=2),
        flow=rng.integers(-128, 128, (3, 2, 224, 224)).astype(np.int8),
        waveform=(0.3 * np.sin(2 * np.pi * 300 * time_s)).astype(np.float32),
        is_speech=(time_s > 0.1) & (time_s < 0.4),
        landmarks=np.stack([circle] * 3).astype(np.float32),
    )


def augment(sample, seed=0, **probabilities):
    settings = NO_AUGMENTATION.replace(**probabilities)
    return augment_sample(sample, sample_augmentation(settings, np.random.default_rng(seed)))


def equal(a, b):
    return all(
        np.array_equal(getattr(a, name), getattr(b, name))
        for name in ("faces", "flow", "waveform", "is_speech", "landmarks")
    )


@pytest.mark.parametrize("seed", range(5))
def test_probabilities_of_zero_change_nothing(sample, seed):
    assert equal(augment(sample, seed), sample)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_changes_only_its_modality_and_keeps_shapes_and_types(sample, kind):
    other = augment(sample, **{kind: 1.0})
    assert np.array_equal(other.faces, sample.faces) == (kind not in FACE_KINDS)
    assert np.array_equal(other.waveform, sample.waveform) == (kind not in AUDIO_KINDS)
    assert (other.faces.shape, other.faces.dtype) == (sample.faces.shape, np.uint8)
    assert (other.waveform.dtype, other.is_speech.dtype) == (np.float32, np.bool_)
    assert other.waveform.shape == other.is_speech.shape
    assert np.abs(other.waveform).max() <= 1
    assert kind == "mirror" or np.array_equal(other.flow, sample.flow)
    assert kind == "stretch" or len(other.waveform) == len(sample.waveform)


@pytest.mark.parametrize("kind", KINDS)
def test_same_seed_repeats_the_augmentation(sample, kind):
    first, repeated = (augment(sample, 3, **{kind: 1.0}) for _ in range(2))
    assert equal(first, repeated)
    assert not equal(first, augment(sample, 4, **{kind: 1.0})) or kind in ("mirror", "cutout")


@pytest.mark.parametrize("kind", KINDS)
def test_one_probability_does_not_change_the_other_transforms(kind):
    for seed in range(5):
        never, always = (
            sample_augmentation(
                AugmentationSettings().replace(**{kind: share}), np.random.default_rng(seed)
            )
            for share in (0.0, 1.0)
        )
        differ = {
            item.name
            for item in fields(never)
            if getattr(never, item.name) != getattr(always, item.name)
        }
        assert len(differ) <= 1 or (kind == "codec" and differ == {"audio", "image", "video"})


def test_probability_is_the_frequency_of_a_transform():
    settings = AugmentationSettings().replace(mirror=0.3, noise=0.7)
    sampled = [sample_augmentation(settings, np.random.default_rng(seed)) for seed in range(500)]
    assert np.mean([params.mirror for params in sampled]) == pytest.approx(0.3, abs=0.07)
    assert np.mean([params.snr_db is not None for params in sampled]) == pytest.approx(
        0.7, abs=0.07
    )
    assert all(params.light is not None for params in sampled)


# a video codec predicts later frames from the first, so equal frames do not stay exactly equal
@pytest.mark.parametrize("kind", sorted(FACE_KINDS - {"cutout", "codec"}))
def test_all_frames_get_the_same_transform(sample, kind):
    still = replace(sample, faces=np.stack([sample.faces[0]] * 3))
    faces = augment(still, **{kind: 1.0}).faces
    assert np.array_equal(faces, np.stack([faces[0]] * 3))


def test_adjust_colour_scales_channels_and_saturation(sample):
    faces = sample.faces
    np.testing.assert_array_equal(adjust_colour(faces, (1, 1, 1, 1)), faces)
    grey = adjust_colour(faces, (1, 1, 1, 0)).astype(int)
    assert np.ptp(grey, axis=-1).max() == 0
    luma = cv2.cvtColor(faces[0], cv2.COLOR_RGB2GRAY).astype(int)
    assert np.abs(grey[0, ..., 0] - luma).max() <= 1
    warm = adjust_colour(faces, (1.1, 1, 0.9, 1)).astype(float)
    assert (warm.mean((0, 1, 2)) / faces.mean((0, 1, 2))) == pytest.approx([1.1, 1, 0.9], abs=0.01)


def test_missing_modality_stays_missing(sample):
    everything = dict.fromkeys(KINDS, 1.0)
    mute = replace(sample, waveform=np.zeros(0, np.float32), is_speech=np.zeros(0, bool))
    faceless = replace(sample, faces=sample.faces[:0], flow=None, landmarks=None)
    assert augment(mute, **everything).waveform.shape == (0,)
    assert augment(faceless, **everything).faces.shape == (0, 224, 224, 3)
    without_landmarks = replace(sample, landmarks=None)
    assert np.array_equal(augment(without_landmarks, cutout=1.0).faces, sample.faces)
