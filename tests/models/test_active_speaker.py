"""Who of the people seen speaks, from mouths and sound that are made by formula."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from unmask.models.active_speaker import (
    STEP_S,
    find_speakers,
    long_runs,
    mark_speech,
    spoken_by,
    unseen_voice,
)
from unmask.preprocessing.prepare import to_model_inputs
from unmask.records import (
    RATE_HZ,
    ClipFeatures,
    FaceTrack,
    MediaInfo,
    MouthCrops,
    PersonFeatures,
    Waveform,
)

RATE = 25.0
SECONDS = 8.0
TICKS = round(SECONDS * RATE)


def syllables(seed):
    """Return the opening of a mouth at each tick, in [0, 1]: irregular syllables."""
    rng, opening = np.random.default_rng(seed), np.zeros(TICKS)
    for start in np.cumsum(rng.integers(4, 9, TICKS // 4)):
        tick = np.arange(TICKS) - start
        opening = np.maximum(opening, rng.uniform(0.4, 1.0) * np.exp(-((tick / 1.5) ** 2)))
    return opening


def voice(opening):
    """Return a sound whose loudness follows the motion of a mouth, as the measure expects."""
    motion = np.abs(np.diff(opening, prepend=opening[0]))
    amplitude = np.repeat(0.02 + motion, round(RATE_HZ / RATE))
    return (amplitude * np.sin(np.arange(len(amplitude)))).astype(np.float32)


def person(opening, number=0, seen=slice(None), in_view=(0.0, SECONDS)):
    """Return a person whose mouth is a dark bar as high as the opening."""
    mouths = np.full((TICKS, 48, 48), 120, np.uint8)
    rows = np.abs(np.arange(48) - 30)[None, :] < 2 + 12 * opening[:, None]
    mouths[:, :, 12:36][np.broadcast_to(rows[..., None], (TICKS, 48, 24))] = 40
    ticks = np.arange(TICKS)[seen]
    lips = MouthCrops(mouths[seen], ticks / RATE, opening[seen].astype(np.float32), RATE)
    times_s = np.arange(in_view[0], in_view[1], 0.2)
    n = len(times_s)
    points = np.zeros((n, 68, 2), np.float32)
    track = FaceTrack(
        number, times_s, np.zeros((n, 4), np.float32), points, np.zeros((n, 3), np.float32)
    )
    return PersonFeatures(track, np.zeros((n, 224, 224, 3), np.uint8), None, points, lips)


def clip(people, samples, speech=((0.0, SECONDS),)):
    info = MediaInfo(Path("a.mp4"), "0" * 64, 1, SECONDS, RATE, 9, 9, 0, "h264", "aac")
    spans = np.array(speech, float).reshape(-1, 2)
    return ClipFeatures(info, 0.0, SECONDS, 0, tuple(people), Waveform(samples), spans)


ANN, BOB, STILL = syllables(1), syllables(2), np.zeros(TICKS)


def test_lips_that_move_in_speech_speak():
    activity = find_speakers(clip([person(ANN)], voice(ANN), [(2.0, 6.0)]))
    speaks = activity.people[0].speaks
    assert speaks[10:30].all()
    assert not speaks[:10].any()
    assert not speaks[30:].any()
    assert not activity.unseen.any()


def test_a_single_person_speaks_whether_lips_fit_the_sound_or_not():
    """Whether they fit is for lip-sync to judge, which would see no fakes otherwise."""
    dubbed = find_speakers(clip([person(ANN)], voice(BOB)))
    assert dubbed.people[0].speaks.all()


def test_still_lips_listen_and_the_voice_is_of_somebody_unseen():
    activity = find_speakers(clip([person(STILL)], voice(ANN)))
    assert not activity.people[0].speaks.any()
    assert activity.people[0].mouth_seen.all()
    assert activity.unseen.all()


def test_of_two_who_move_their_lips_the_one_who_fits_the_sound_speaks():
    for sound, speaker in ((ANN, 0), (BOB, 1)):
        activity = find_speakers(clip([person(ANN), person(BOB, 1)], voice(sound)))
        assert activity.people[speaker].speaks.mean() > 0.9
        assert activity.people[1 - speaker].speaks.mean() < 0.1


def test_of_two_who_fit_the_sound_alike_both_speak():
    activity = find_speakers(clip([person(ANN), person(ANN, 1)], voice(ANN)))
    assert activity.people[0].speaks.all()
    assert activity.people[1].speaks.all()


@pytest.mark.parametrize("lips", ["none", "empty", "early"])
def test_nothing_is_said_of_a_mouth_that_is_not_seen(lips):
    seen = person(STILL, seen=slice(0, 30 if lips == "early" else 0))
    if lips == "none":
        seen = replace(seen, lips=None)
    activity = find_speakers(clip([seen], voice(ANN)))
    assert not activity.people[0].speaks.any()
    late = slice(15, None)
    assert not activity.people[0].mouth_seen[late].any()
    assert not activity.unseen[late].any()  # the face is in view all the time


def test_speech_with_nobody_in_view_is_of_somebody_unseen():
    activity = find_speakers(clip([person(ANN, in_view=(0.0, 4.0))], voice(ANN)))
    assert not activity.unseen[:20].any()
    gone = find_speakers(clip([person(ANN, seen=slice(0, 100), in_view=(0.0, 4.0))], voice(ANN)))
    assert gone.unseen[25:].all()


def test_unseen_speech_of_less_than_a_second_is_none():
    assert not find_speakers(clip([person(STILL)], voice(ANN), [(2.0, 2.8)])).unseen.any()
    assert find_speakers(clip([person(STILL)], voice(ANN), [(2.0, 3.2)])).unseen.any()


def test_loud_sound_that_is_no_speech_is_other_sound():
    tone = (0.1 * np.sin(np.arange(round(SECONDS * RATE_HZ)))).astype(np.float32)
    activity = find_speakers(clip([person(ANN)], tone, []))
    assert activity.other_sound.all()
    assert not activity.speech.any()
    assert not activity.people[0].speaks.any()
    quiet = find_speakers(clip([person(ANN)], tone / 50, []))
    assert not quiet.other_sound.any()


def test_samples_say_where_their_person_speaks_and_a_further_one_has_the_unseen_voice():
    features = clip([person(STILL), person(ANN, 1, slice(0, 100), (0.0, 4.0))], voice(ANN))
    activity, samples = find_speakers(features), to_model_inputs(features)
    listener, speaker = mark_speech(activity, samples)
    assert not spoken_by(listener).any()
    assert spoken_by(speaker)[: 3 * RATE_HZ].all()
    (unseen,) = unseen_voice(activity, samples)
    assert not len(unseen.faces)
    assert unseen.waveform is listener.waveform
    np.testing.assert_array_equal(
        unseen.is_speech, np.repeat(activity.unseen, round(STEP_S * RATE_HZ))
    )
    assert unseen.is_speech[5 * RATE_HZ :].all()
    assert not unseen.is_speech[: 3 * RATE_HZ].any()


def test_without_people_the_sound_stays_one_sample():
    features = clip([], voice(ANN))
    activity, samples = find_speakers(features), to_model_inputs(features)
    assert mark_speech(activity, samples) == samples
    assert unseen_voice(activity, samples) == ()
    assert activity.unseen.all()


def test_without_sound_nobody_speaks():
    silent = replace(clip([person(ANN)], voice(ANN), []), waveform=None)
    activity = find_speakers(silent)
    assert not activity.people[0].speaks.any()
    assert unseen_voice(activity, to_model_inputs(silent)) == ()


def test_long_runs_keep_what_is_long_enough():
    mask = np.array([1, 1, 0, 1, 1, 1, 0, 1], bool)
    expected = np.array([0, 0, 0, 1, 1, 1, 0, 0], bool)
    np.testing.assert_array_equal(long_runs(mask, 3 * STEP_S), expected)


def test_an_empty_window_has_no_steps():
    empty = replace(clip([], voice(ANN), []), start_s=2.0, end_s=2.0, waveform=None)
    assert not len(find_speakers(empty).speech)
    seen = replace(empty, people=(person(ANN, in_view=(2.0, 2.1)),))
    assert find_speakers(seen).people[0].speaks.shape == (0,)
