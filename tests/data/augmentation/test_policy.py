from dataclasses import fields, replace

import cv2
import numpy as np
import pytest

from unmask.config import AugmentationSettings
from unmask.data.augmentation.faces import adjust_colour
from unmask.data.augmentation.policy import augment_sample, sample_augmentation
from unmask.records import ModelInput

NOTHING = AugmentationSettings(mirror=0.0, light=0.0)
KINDS = [item.name for item in fields(AugmentationSettings)]
OF_FACES = {"mirror", "light", "colour", "blur", "resize", "codec", "cutout"}
OF_SOUND = {"codec", "pitch", "stretch", "noise", "tilt"}


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


def changed(sample, seed=0, **probabilities):
    settings = replace(NOTHING, **probabilities)
    return augment_sample(sample, sample_augmentation(settings, np.random.default_rng(seed)))


def same(a, b):
    return all(
        np.array_equal(getattr(a, name), getattr(b, name))
        for name in ("faces", "flow", "waveform", "is_speech", "landmarks")
    )


@pytest.mark.parametrize("seed", range(5))
def test_probability_0_of_everything_changes_nothing(sample, seed):
    assert same(changed(sample, seed), sample)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_changes_what_it_is_about_and_keeps_shapes_and_types(sample, kind):
    other = changed(sample, **{kind: 1.0})
    assert np.array_equal(other.faces, sample.faces) == (kind not in OF_FACES)
    assert np.array_equal(other.waveform, sample.waveform) == (kind not in OF_SOUND)
    assert (other.faces.shape, other.faces.dtype) == (sample.faces.shape, np.uint8)
    assert (other.waveform.dtype, other.is_speech.dtype) == (np.float32, np.bool_)
    assert other.waveform.shape == other.is_speech.shape
    assert np.abs(other.waveform).max() <= 1
    assert kind == "mirror" or np.array_equal(other.flow, sample.flow)
    assert kind == "stretch" or len(other.waveform) == len(sample.waveform)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_chance_changes_a_sample_in_the_same_way(sample, kind):
    once, again = (changed(sample, 3, **{kind: 1.0}) for _ in range(2))
    assert same(once, again)
    assert not same(once, changed(sample, 4, **{kind: 1.0})) or kind in ("mirror", "cutout")


@pytest.mark.parametrize("kind", KINDS)
def test_one_probability_never_moves_what_another_decides(kind):
    for seed in range(5):
        without, with_it = (
            sample_augmentation(
                replace(AugmentationSettings(), **{kind: share}), np.random.default_rng(seed)
            )
            for share in (0.0, 1.0)
        )
        differ = {
            item.name
            for item in fields(without)
            if getattr(without, item.name) != getattr(with_it, item.name)
        }
        assert len(differ) <= 1 or (kind == "codec" and len(differ) == 2)


def test_a_probability_is_how_often():
    settings = replace(AugmentationSettings(), mirror=0.3, noise=0.7)
    drawn = [sample_augmentation(settings, np.random.default_rng(seed)) for seed in range(500)]
    assert np.mean([one.mirror for one in drawn]) == pytest.approx(0.3, abs=0.07)
    assert np.mean([one.snr_db is not None for one in drawn]) == pytest.approx(0.7, abs=0.07)
    assert all(one.light is not None for one in drawn)


# a film codes later frames as changes of the first, so that equal ones do not stay quite equal
@pytest.mark.parametrize("kind", sorted(OF_FACES - {"cutout", "codec"}))
def test_equal_frames_stay_equal(sample, kind):
    """What is drawn is drawn once for the whole run, not for each frame."""
    still = replace(sample, faces=np.stack([sample.faces[0]] * 3))
    faces = changed(still, **{kind: 1.0}).faces
    assert np.array_equal(faces, np.stack([faces[0]] * 3))


def test_colour_changes_hue_and_leaves_no_colour_where_none_is_wanted(sample):
    faces = sample.faces
    np.testing.assert_array_equal(adjust_colour(faces, (1, 1, 1, 1)), faces)
    grey = adjust_colour(faces, (1, 1, 1, 0)).astype(int)
    assert np.ptp(grey, axis=-1).max() == 0
    luma = cv2.cvtColor(faces[0], cv2.COLOR_RGB2GRAY).astype(int)
    assert np.abs(grey[0, ..., 0] - luma).max() <= 1
    warm = adjust_colour(faces, (1.1, 1, 0.9, 1)).astype(float)
    assert (warm.mean((0, 1, 2)) / faces.mean((0, 1, 2))) == pytest.approx([1.1, 1, 0.9], abs=0.01)


def test_neither_faces_nor_sound_need_be_there(sample):
    everything = dict.fromkeys(KINDS, 1.0)
    mute = replace(sample, waveform=np.zeros(0, np.float32), is_speech=np.zeros(0, bool))
    faceless = replace(sample, faces=sample.faces[:0], flow=None, landmarks=None)
    assert changed(mute, **everything).waveform.shape == (0,)
    assert changed(faceless, **everything).faces.shape == (0, 224, 224, 3)
    assert changed(replace(sample, landmarks=None), cutout=1.0).faces is not None
