"""Speech in any channel keeps its level in mono, and channels do not cancel each other."""

import numpy as np
import pytest

from tests.sound_files import Part, tone, write_sound
from unmask.preprocessing.media.audio import read_waveform
from unmask.preprocessing.media.downmix import Downmix, role_weights

SURROUND = ["FL", "FR", "FC", "LFE", "BL", "BR"]


def mixed(samples, names):
    """The mix of samples of shape (channels, time) as a file's sound would be mixed."""
    mix = Downmix(role_weights(names))
    mono = mix.add(np.ascontiguousarray(samples.T, np.float32))
    while plan := mix.better_plan():
        mix = Downmix(*plan)
        mono = mix.add(np.ascontiguousarray(samples.T, np.float32))
    return mono * np.float32(mix.gain())


def level_db(samples, reference):
    return 20 * np.log10(samples.std() / reference.std())


@pytest.fixture
def voice(rng):
    """Noise in syllables, shape (time,)."""
    time_s = np.arange(64_000) / 16_000
    return (0.1 * rng.normal(size=64_000) * (np.sin(9 * time_s) > -0.3)).astype(np.float32)


def test_equal_channels_are_the_channel_itself(voice):
    for names in (["FC"], ["FL", "FR"], ["NONE"] * 4):
        assert np.array_equal(mixed(np.stack([voice] * len(names)), names), voice)
    surround = mixed(np.stack([voice] * 6), SURROUND)
    assert surround == pytest.approx(voice, abs=1e-4)


def test_plain_stereo_stays_the_average(voice, rng):
    ambience = 0.5 * voice.std() * rng.normal(size=(2, len(voice))).astype(np.float32)
    for stereo in (voice + ambience, rng.normal(0, 0.1, (2, 64_000)).astype(np.float32)):
        assert mixed(stereo, ["FL", "FR"]) == pytest.approx(stereo.mean(axis=0), abs=1e-7)


@pytest.mark.parametrize("side", [0, 1])
def test_speech_in_one_channel_of_stereo_keeps_its_level(voice, rng, side):
    stereo = 1e-4 * rng.normal(size=(2, len(voice))).astype(np.float32)
    stereo[side] += voice
    assert level_db(mixed(stereo, ["FL", "FR"]), voice) == pytest.approx(0, abs=0.05)


def test_two_speakers_in_a_channel_each_keep_their_level(rng):
    speakers = rng.normal(0, 0.1, (2, 64_000)).astype(np.float32)
    speakers[0, 40_960:] = 0
    speakers[1, :40_960] = 0
    mono = mixed(speakers, ["FL", "FR"])
    assert level_db(mono[:40_960], speakers[0, :40_960]) == pytest.approx(0, abs=0.1)
    assert level_db(mono[40_960:], speakers[1, 40_960:]) == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("balance", [1.0, 0.9, 0.5])
def test_channels_in_antiphase_do_not_cancel_each_other(voice, balance):
    mono = mixed(np.stack([voice, -balance * voice]), ["FL", "FR"])
    assert abs(np.corrcoef(mono, voice)[0, 1]) > 0.999
    assert level_db(mono, voice) == pytest.approx(0, abs=2.6)


@pytest.mark.parametrize("first_s", [3.0, 5.0, 7.0])
def test_antiphase_of_one_part_alone_loses_nothing(rng, first_s):
    voice = rng.normal(0, 0.1, 160_000).astype(np.float32)
    stereo = np.stack([voice, voice])
    turn = round(first_s * 16_000)
    for part, rest in ((slice(turn, None), slice(0, turn)), (slice(0, turn), slice(turn, None))):
        turned = stereo.copy()
        turned[1, part] *= -1
        mono = mixed(turned, ["FL", "FR"])
        for span in (part, rest):
            middle = slice((span.start or 0) + 4096, (span.stop or 160_000) - 4096)
            assert abs(np.corrcoef(mono[middle], voice[middle])[0, 1]) > 0.999
            assert level_db(mono[middle], voice[middle]) == pytest.approx(0, abs=0.1)


def test_other_weights_take_over_without_a_click():
    pure = tone(200, 10.0, 16_000)
    turned = np.stack([pure, np.where(np.arange(160_000) < 81_920, pure, -pure)])
    steps = np.abs(np.diff(mixed(turned, ["FL", "FR"])))
    assert steps.max() < 1.2 * np.abs(np.diff(pure)).max()


def test_short_antiphase_of_music_is_left_alone(rng):
    music = rng.normal(0, 0.1, (2, 160_000)).astype(np.float32)
    music[1, 16_000:40_000] = -music[0, 16_000:40_000]  # 1.5 s
    assert mixed(music, ["FL", "FR"]) == pytest.approx(music.mean(axis=0), abs=1e-7)


def test_pauses_do_not_divide_a_part_in_antiphase(rng):
    voice = rng.normal(0, 0.1, 160_000).astype(np.float32)
    voice[np.arange(160_000) // 20_480 % 2 == 1] = 0  # 1.28 s of voice, then as much silence
    turned = np.stack([voice, np.where(np.arange(160_000) < 80_000, voice, -voice)])
    mono = mixed(turned, ["FL", "FR"])
    assert level_db(mono[86_000:], voice[86_000:]) == pytest.approx(0, abs=0.1)


def test_antiphase_in_one_half_of_a_file_is_heard(tmp_path):
    voice = tone(1000, 8.0)
    part = Part(0.0, np.stack([voice, np.where(np.arange(len(voice)) < 192_000, voice, -voice)]))
    decoded = read_waveform(write_sound(tmp_path / "a.mkv", [part], "pcm_s16le")).samples
    for half in (decoded[2000:60_000], decoded[68_000:-2000]):
        assert np.sqrt(2) * half.std() == pytest.approx(0.5, rel=0.02)


def test_three_channels_that_cancel_leave_the_loudest(voice, rng):
    noise = rng.normal(0, 0.1, len(voice)).astype(np.float32)
    mono = mixed(np.stack([voice, noise - voice, -noise]), ["NONE"] * 3)
    assert mono.std() > 0.5 * voice.std()


@pytest.mark.parametrize("names", [SURROUND, [*SURROUND, "SL", "SR"], ["NONE"] * 16])
@pytest.mark.parametrize("channel", range(6))
def test_speech_in_any_channel_of_many_keeps_its_level(voice, names, channel):
    samples = np.zeros((len(names), len(voice)), np.float32)
    samples[channel] = voice
    assert level_db(mixed(samples, names), voice) == pytest.approx(0, abs=0.1)


def test_centre_dialogue_keeps_its_level_beside_music(voice, rng):
    samples = 0.03 * rng.normal(size=(6, len(voice))).astype(np.float32)
    samples[2] = voice
    mono = mixed(samples, SURROUND)
    assert float(mono @ voice / (voice @ voice)) == pytest.approx(1.0, abs=0.1)


def test_centre_dialogue_of_a_film_keeps_its_level(tmp_path):
    samples = np.zeros((6, 96_000), np.float32)
    samples[2] = tone(1000, 2.0)
    decoded = read_waveform(write_sound(tmp_path / "a.mp4", [Part(0.0, samples)], "aac")).samples
    assert np.sqrt(2) * decoded[2000:-2000].std() == pytest.approx(0.5, rel=0.02)


def test_antiphase_stereo_of_a_file_is_heard(tmp_path):
    voice = tone(1000, 2.0)
    part = Part(0.0, np.stack([voice, -voice]))
    decoded = read_waveform(write_sound(tmp_path / "a.mkv", [part], "pcm_s16le")).samples
    assert np.sqrt(2) * decoded[2000:-2000].std() == pytest.approx(0.5, rel=0.02)


def test_mixing_in_parts_equals_mixing_at_once(voice, rng):
    samples = np.ascontiguousarray(rng.normal(0, 0.1, (3000, 6)), np.float32)
    whole, parts = Downmix(role_weights(SURROUND)), Downmix(role_weights(SURROUND))
    expected = whole.add(samples)
    pieces = np.concatenate([parts.add(samples[:1024]), parts.add(samples[1024:])])
    assert pieces == pytest.approx(expected, abs=1e-6)
    assert parts.gain() == pytest.approx(whole.gain(), rel=1e-5)
