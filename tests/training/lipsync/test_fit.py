import logging
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from unmask.config import LipSyncSettings, Settings
from unmask.errors import DataError, MediaError, TrainingError
from unmask.models.lipsync.checkpoint import load_sync
from unmask.models.lipsync.energy_baseline import lip_energy_score
from unmask.models.lipsync.scoring import NOT_SCORED, sync_score
from unmask.records import (
    Clip,
    ClipFeatures,
    FaceTrack,
    MediaInfo,
    MouthCrops,
    PersonFeatures,
    Waveform,
)
from unmask.training.lipsync.dataset import (
    augment_mouths,
    delay_audio,
    random_crop,
    swap_audio,
    sync_clips,
)
from unmask.training.lipsync.evaluation import evaluate_lipsync
from unmask.training.lipsync.fit import fit_sync, lipsync_key

TICKS = 100
CROP_PX = 24
SETTINGS = Settings(
    phase=3, profile="demo", sync=LipSyncSettings(dim=24, epochs=10, learning_rate=3e-3)
)


def toy_clip(split, number, manipulation="none"):
    return Clip(
        clip_id=f"{split}-{number}-{manipulation}", path=Path(f"/none/{split}-{number}"),
        sha256="0" * 64, source="toy", identity=f"{split}-{number}", split=split,
        is_fake=manipulation != "none", fake_video=False, fake_audio=manipulation != "none",
        manipulation=manipulation, pair_id=f"{split}-{number}", duration_s=4.0, fps=25.0, width=48,
        height=48, has_audio=True, licence="",
    )  # fmt: skip


def openings(rng):
    """A mouth that opens and shuts some four times a second, and at times rests."""
    widths = rng.integers(4, 9, 40)
    peaks = rng.uniform(0.2, 1.0, 40) * (rng.random(40) > 0.2)
    bumps = [p * np.sin(np.pi * np.arange(w) / w) for p, w in zip(peaks, widths, strict=True)]
    return np.concatenate(bumps)[:TICKS]


def toy_lips(opening, rng):
    """A dark ellipse on skin of any shade."""
    skin = rng.uniform(90, 200)
    mouths = np.full((TICKS, CROP_PX, CROP_PX), skin)
    mouths += rng.normal(0, 2, mouths.shape)
    for mouth, wide in zip(mouths, opening, strict=True):
        cv2.ellipse(mouth, (12, 11), (6, round(5 * wide)), 0, 0, 360, 0.3 * skin, -1)
    time_s = np.arange(TICKS) / 25
    return MouthCrops(
        mouths.clip(0, 255).astype(np.uint8), time_s, opening.astype(np.float32), 25.0
    )


def toy_voice(opening, rng):
    """Noise as loud as the mouth is open, brighter where it is wide open."""
    loud = np.repeat(np.sqrt(opening) + 0.02, 640)
    white = rng.standard_normal(TICKS * 640)
    dark = np.convolve(white, np.ones(12) / 4, "same")
    wide = np.repeat(opening, 640)
    return (0.1 * loud * (wide * white + (1 - wide) * dark)).astype(np.float32)


def toy_features(clip):
    rng = np.random.default_rng([ord(letter) for letter in clip.identity])
    opening = openings(rng)
    other = openings(rng) if clip.is_fake else opening
    track = FaceTrack(
        0, np.zeros(1), np.zeros((1, 4), np.float32), np.zeros((1, 68, 2), np.float32),
        np.zeros((1, 3), np.float32),
    )  # fmt: skip
    person = PersonFeatures(
        track, np.zeros((1, 224, 224, 3), np.uint8), None, np.zeros((1, 68, 2), np.float32),
        lips=toy_lips(opening, rng),
    )  # fmt: skip
    info = MediaInfo(clip.path, "", 1, 4.0, 25.0, 48, 48, 0, "h264", "aac")
    voice = Waveform(toy_voice(other, rng))
    return ClipFeatures(info, 0.0, 4.0, 1, (person,), voice, np.array([[0.0, 4.0]]))


CLIPS = tuple(
    [toy_clip("train", number) for number in range(16)]
    + [toy_clip("val", number) for number in range(6)]
    + [toy_clip("test", number) for number in range(8)]
    + [toy_clip("test", number, "voice-swap") for number in range(8)]
)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return fit_sync(CLIPS, SETTINGS, toy_features, tmp_path_factory.mktemp("sync"))


@pytest.fixture(scope="module")
def net(file):
    return load_sync(file)


@pytest.fixture(scope="module")
def held_out():
    return list(sync_clips([clip for clip in CLIPS if clip.split == "test"], toy_features))


@pytest.fixture(scope="module")
def report(net, held_out):
    return evaluate_lipsync("net", partial(sync_score, net), held_out, seed=0, resamples=50)


def test_a_later_sound_raises_the_score(report):
    assert [row.shift_ms for row in report.shifts] == [0, 80, 200, 400]
    means = [row.mean_score for row in report.shifts]
    assert means[0] < means[1] < means[2] < means[3]
    assert means[0] < 0.3
    assert means[3] > 0.8


def test_the_offset_is_found_within_80_ms_on_most_clips(report):
    assert all(row.found > 0.8 for row in report.shifts)
    assert [row.judged for row in report.shifts] == [8, 16, 16, 16]


@pytest.mark.parametrize("late_ms", [-280, 120])
def test_sound_that_is_late_has_a_positive_offset(net, held_out, late_ms):
    found = [
        sync_score(net, late.lips, late.waveform, late.is_speech).offset_ms
        for late in (
            delay_audio(one.sample, late_ms / 1000) for one in held_out if not one.clip.is_fake
        )
    ]
    assert np.median(found) == pytest.approx(late_ms, abs=40)


def test_fakes_that_were_never_trained_on_are_told_from_genuine_clips(report):
    aucs = {row.kind: row.auc for row in report.kinds}
    assert set(aucs) == {"made: shifted 200 ms or more", "made: dubbed", "voice-swap"}
    assert min(aucs.values()) > 0.85


def test_a_score_over_time_shows_where_the_sound_was_replaced(net, held_out):
    one, other = held_out[0].sample, held_out[1].sample
    half = TICKS // 2 * 640
    sound = np.concatenate([one.waveform[:half], other.waveform[half:]])
    found = sync_score(net, one.lips, sound, one.is_speech)
    early, late = found.time_s < 1.5, found.time_s > 2.6
    assert found.probabilities[late].mean() > found.probabilities[early].mean() + 0.3


def test_the_second_call_returns_at_once_and_other_settings_do_not(file):
    def never(clip):
        raise AssertionError(f"{clip.clip_id} was loaded again")

    out = file.parent.parent
    assert fit_sync(CLIPS, SETTINGS, never, out) == file
    assert lipsync_key(CLIPS, Settings(sync=SETTINGS.sync, seed=8)) != lipsync_key(CLIPS, SETTINGS)
    assert lipsync_key(CLIPS[1:], SETTINGS) != lipsync_key(CLIPS, SETTINGS)
    genuine = [clip for clip in CLIPS if not clip.is_fake]
    assert lipsync_key(genuine, SETTINGS) == lipsync_key(CLIPS, SETTINGS)
    history = (file.parent / "history.csv").read_text().splitlines()
    assert len(history) == 1 + SETTINGS.sync.epochs


def test_the_same_seed_gives_the_same_weights_whatever_ran_before(tmp_path):
    few = [clip for clip in CLIPS if not clip.is_fake and clip.split != "test"][::3]
    short = Settings(sync=LipSyncSettings(dim=16, epochs=1))
    states = []
    for name in ("a", "b"):
        torch.rand(5)
        states.append(load_sync(fit_sync(few, short, toy_features, tmp_path / name)).state_dict())
    for key, one in states[0].items():
        assert torch.equal(one, states[1][key])


def test_without_genuine_clips_there_is_nothing_to_train_on(tmp_path, caplog):
    def broken(clip):
        raise MediaError(f"{clip.clip_id}: is empty")

    with caplog.at_level(logging.WARNING), pytest.raises(TrainingError, match="0 genuine"):
        fit_sync(CLIPS, SETTINGS, broken, tmp_path)
    assert "is empty" in caplog.text
    fakes = [clip for clip in CLIPS if clip.is_fake]
    with pytest.raises(TrainingError, match="0 genuine"):
        fit_sync(fakes, SETTINGS, toy_features, tmp_path)


def test_where_no_genuine_clip_can_be_judged_nothing_is_measured(held_out):
    with pytest.raises(DataError, match="genuine"):
        evaluate_lipsync("none", lambda *_: NOT_SCORED, held_out, seed=0)


def test_the_plain_signal_is_measured_in_the_same_way(held_out):
    report = evaluate_lipsync("lip energy", lip_energy_score, held_out, seed=0, resamples=20)
    assert report.genuine == 8
    assert [row.judged for row in report.shifts] == [8, 16, 16, 16]


@pytest.mark.parametrize("by_s", [0.0, 0.2, -0.4, 9.0, -9.0])
def test_a_delay_moves_sound_and_speech_alike(held_out, by_s):
    sample = held_out[0].sample
    late = delay_audio(sample, by_s)
    assert late.waveform.shape == sample.waveform.shape
    for tick in range(0, len(sample.waveform), 977):
        before = tick - round(by_s * 16_000)
        inside = 0 <= before < len(sample.waveform)
        assert late.waveform[tick] == (sample.waveform[before] if inside else 0)
        assert late.is_speech[tick] == (inside and sample.is_speech[before])


def test_dubbing_takes_the_sound_and_leaves_the_lips(held_out):
    one, other = held_out[0].sample, delay_audio(held_out[1].sample, 0.1)
    made = swap_audio(one, other)
    assert np.array_equal(made.waveform, other.waveform)
    assert made.lips is one.lips


def test_a_stretch_holds_the_sound_of_its_own_lips(held_out, rng):
    one = held_out[0]
    for _ in range(5):
        mouths, sound, speech = random_crop(one, 40, 25.0, rng)
        assert mouths.shape == (40, CROP_PX, CROP_PX)
        assert sound.shape == speech.shape == (40 * 640,)
        start = next(
            n for n in range(61) if np.array_equal(one.sample.lips.mouths[n], mouths[0].numpy())
        )
        first = one.sample.waveform[start * 640 : (start + 40) * 640]
        assert np.array_equal(sound.numpy(), first)


def test_a_stretch_of_a_broken_run_stays_within_one_run(held_out, rng):
    one = held_out[0]
    lips, keep = one.sample.lips, np.r_[0:30, 50:100]
    gappy = MouthCrops(lips.mouths[keep], lips.time_s[keep], lips.opening[keep], 25.0)
    clip = type(one)(one.clip, type(one.sample)(
        one.sample.faces, None, one.sample.waveform, one.sample.is_speech, lips=gappy,
    ))  # fmt: skip
    lengths = {len(random_crop(clip, 100, 25.0, rng)[0]) for _ in range(20)}
    assert lengths == {30, 50}


def test_augmentation_changes_the_look_and_never_the_time(held_out, rng):
    mouths, sound, _ = random_crop(held_out[0], 60, 25.0, rng)
    changed, louder = augment_mouths(mouths, sound, rng)
    assert changed.shape == mouths.shape
    assert not torch.equal(changed, mouths.float())
    dark = [x.float().mean(dim=(1, 2)).numpy() for x in (mouths, changed)]
    assert np.corrcoef(*dark)[0, 1] > 0.8
    envelope = [np.abs(x.numpy()).reshape(60, 640).mean(axis=1) for x in (sound, louder)]
    assert np.corrcoef(*envelope)[0, 1] > 0.8
