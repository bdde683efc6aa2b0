"""Flow, mouth crops and speech as parts of the features."""

from dataclasses import replace

import numpy as np
import pytest

from unmask.config import LipSettings, SpeechSettings
from unmask.preprocessing.features import (
    Speech,
    attach_flow,
    attach_mouth_crops,
    read_speech,
    trim_speech,
)
from unmask.preprocessing.media.probe import probe
from unmask.preprocessing.timing import StageTimer
from unmask.records import FaceTrack, MouthCrops, PersonFeatures, Waveform

ENERGY = SpeechSettings(method="energy")


def make_person(person, frames=2):
    track = FaceTrack(
        person,
        np.arange(frames) / 5,
        np.zeros((frames, 4), np.float32),
        np.zeros((frames, 68, 2), np.float32),
        np.zeros((frames, 3), np.float32),
    )
    faces = np.zeros((frames, 224, 224, 3), np.uint8)
    return PersonFeatures(track, faces, None, track.landmarks_px)


@pytest.fixture
def people():
    return make_person(4), make_person(1)


@pytest.fixture
def speech():
    samples = np.arange(4 * 16_000, dtype=np.float32) / 64_000
    waveform = Waveform(samples, missing_spans_s=np.array([[1.6, 1.8], [2.9, 3.2]]))
    return Speech(waveform, np.array([[0.5, 1.5], [2.0, 3.5]]))


def test_flow_is_attached_in_the_order_of_the_people(people):
    flow = tuple(np.full((2, 2, 224, 224), level, np.int8) for level in (3, 7))
    attached = attach_flow(people, flow)
    assert [person.track.person for person in attached] == [4, 1]
    assert [int(person.flow.max()) for person in attached] == [3, 7]


def test_flow_of_another_number_of_people_is_rejected(people):
    with pytest.raises(ValueError, match="shorter"):
        attach_flow(people, (np.zeros((2, 2, 224, 224), np.int8),))


def test_crops_are_attached_by_person_and_others_get_none(people):
    settings = LipSettings(enabled=True, crop_px=32)
    crops = MouthCrops(np.zeros((3, 32, 32), np.uint8), np.arange(3) / 25, np.zeros(3), 25.0)
    with_crops, without = attach_mouth_crops(tuple(reversed(people)), {1: crops}, settings)
    assert with_crops.lips is crops
    assert without.lips.mouths.shape == (0, 32, 32)
    assert len(without.lips.time_s) == len(without.lips.opening) == 0


def test_disabled_features_leave_the_people_unchanged(people):
    assert attach_flow(people, None) is people
    assert attach_mouth_crops(people, None, LipSettings()) is people


@pytest.mark.parametrize(
    ("start_s", "end_s", "spans_s"),
    [
        (0.0, 4.0, [[0.5, 1.5], [2.0, 3.5]]),
        (1.0, 3.0, [[0.0, 0.5], [1.0, 2.0]]),
        (1.5, 2.0, []),
        (2.5, 9.0, [[0.0, 1.0]]),
    ],
)
def test_trimmed_speech_counts_from_the_start_of_the_part(speech, start_s, end_s, spans_s):
    part = trim_speech(speech, start_s, end_s)
    assert part.spans_s.tolist() == spans_s
    expected = speech.waveform.samples[round(start_s * 16_000) : round(end_s * 16_000)]
    assert np.array_equal(part.waveform.samples, expected)


def test_trimmed_speech_keeps_the_holes_of_its_part(speech):
    assert trim_speech(speech, 0.0, 4.0).waveform.missing_s == pytest.approx(0.5)
    holes_s = trim_speech(speech, 1.7, 3.0).waveform.missing_spans_s
    assert holes_s == pytest.approx(np.array([[0.0, 0.1], [1.2, 1.3]]))


def test_trimmed_speech_without_audio_is_empty(speech):
    part = trim_speech(replace(speech, waveform=None, spans_s=np.zeros((0, 2))), 1.0, 2.0)
    assert part.waveform is None
    assert part.spans_s.shape == (0, 2)


def test_speech_of_a_file_is_its_audio_and_spans(make_video, tmp_path):
    timer = StageTimer()
    speech = read_speech(probe(make_video(tmp_path / "a.mp4")), ENERGY, timer)
    assert speech.waveform.duration_s == pytest.approx(1.0, abs=0.1)
    assert speech.spans_s.shape[1] == 2
    assert set(timer.seconds) == {"decode", "speech"}


def test_file_without_audio_has_no_speech_and_costs_no_time(make_video, tmp_path):
    timer = StageTimer()
    speech = read_speech(probe(make_video(tmp_path / "a.mp4", audio=False)), ENERGY, timer)
    assert speech.waveform is None
    assert speech.spans_s.shape == (0, 2)
    assert timer.seconds == {}
