import logging
from dataclasses import replace

import numpy as np
import pytest
import torch

from unmask.config import PreprocessingSettings
from unmask.errors import MediaError
from unmask.records import MouthCrops
from unmask.training.lipsync.dataset import (
    augment_mouths,
    delay_audio,
    lips_only,
    random_crop,
    swap_audio,
    sync_clips,
)

TICK_SAMPLES = 640


def test_settings_of_lips_alone_have_no_optical_flow():
    settings = lips_only(PreprocessingSettings())
    assert settings.lips.enabled
    assert not settings.flow.enabled
    assert settings.faces == PreprocessingSettings().faces


def test_a_clip_keeps_its_lips_and_sound_and_drops_its_faces(toy, held_out):
    clip = held_out[0]
    features = toy.load(clip.clip)
    assert np.array_equal(clip.lips.mouths, features.people[0].lips.mouths)
    assert np.array_equal(clip.sample.waveform, features.waveform.samples)
    assert len(clip.sample.faces) == 0


def test_clips_without_lips_or_sound_are_left_out_and_logged(toy, caplog):
    def load(clip):
        features = toy.load(clip)
        (person,) = features.people
        if clip.clip_id.startswith("train-0"):
            raise MediaError(f"{clip.clip_id}: is empty")
        if clip.clip_id.startswith("train-1-"):
            return replace(features, people=(replace(person, lips=None),))
        if clip.clip_id.startswith("train-2"):
            return replace(features, waveform=None)
        return features

    with caplog.at_level(logging.WARNING):
        (clip,) = sync_clips(toy.clips[:4], load)
    assert clip.clip == toy.clips[3]
    assert [record.getMessage() for record in caplog.records] == [
        "clip train-0-none was left out: train-0-none: is empty",
        "clip train-1-none was left out: it has no mouth crops with sound",
        "clip train-2-none was left out: it has no mouth crops with sound",
    ]


@pytest.mark.parametrize("delay_s", [0.0, 0.2, -0.4, 9.0, -9.0])
def test_a_delay_moves_sound_and_speech_alike(held_out, delay_s):
    sample = held_out[0].sample
    delayed = delay_audio(sample, delay_s)
    assert delayed.waveform.shape == sample.waveform.shape
    for index in range(0, len(sample.waveform), 977):
        source = index - round(delay_s * 16_000)
        inside = 0 <= source < len(sample.waveform)
        assert delayed.waveform[index] == (sample.waveform[source] if inside else 0)
        assert delayed.is_speech[index] == (inside and sample.is_speech[source])


def test_swapped_audio_is_that_of_the_other_clip_and_the_lips_stay(held_out):
    target, source = held_out[0].sample, delay_audio(held_out[1].sample, 0.1)
    swapped = swap_audio(target, source)
    assert np.array_equal(swapped.waveform, source.waveform)
    assert swapped.lips is target.lips


def test_swapped_audio_is_repeated_if_it_is_too_short(held_out):
    target, source = held_out[0].sample, held_out[1].sample
    half = len(source.waveform) // 2
    short = replace(source, waveform=source.waveform[:half], is_speech=source.is_speech[:half])
    swapped = swap_audio(target, short)
    assert np.array_equal(swapped.waveform[half : 2 * half], short.waveform)


def test_a_crop_has_the_sound_of_its_lips(held_out, rng):
    clip = held_out[0]
    for _ in range(5):
        mouths, sound, speech = random_crop(clip, 40, 25.0, rng)
        assert mouths.shape[0] == 40
        assert sound.shape == speech.shape == (40 * TICK_SAMPLES,)
        start = next(n for n in range(61) if np.array_equal(clip.lips.mouths[n], mouths[0].numpy()))
        expected = clip.sample.waveform[start * TICK_SAMPLES : (start + 40) * TICK_SAMPLES]
        assert np.array_equal(sound.numpy(), expected)


def test_a_crop_stays_within_one_contiguous_run(held_out, rng):
    clip, keep = held_out[0], np.r_[0:30, 50:100]
    lips = clip.lips
    gappy = MouthCrops(lips.mouths[keep], lips.time_s[keep], lips.opening[keep], 25.0)
    clip = replace(clip, sample=replace(clip.sample, lips=gappy))
    lengths = {len(random_crop(clip, 100, 25.0, rng)[0]) for _ in range(20)}
    assert lengths == {30, 50}


def test_augmentation_changes_the_look_and_not_the_time(held_out, rng):
    mouths, sound, _ = random_crop(held_out[0], 60, 25.0, rng)
    augmented, noisy = augment_mouths(mouths, sound, rng)
    assert augmented.shape == mouths.shape
    assert not torch.equal(augmented, mouths.float())
    brightness = [x.float().mean(dim=(1, 2)).numpy() for x in (mouths, augmented)]
    assert np.corrcoef(*brightness)[0, 1] > 0.8
    envelope = [np.abs(x.numpy()).reshape(60, 640).mean(axis=1) for x in (sound, noisy)]
    assert np.corrcoef(*envelope)[0, 1] > 0.8
