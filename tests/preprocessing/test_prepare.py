import tracemalloc
from dataclasses import asdict, replace

import numpy as np
import pytest

from unmask.config import (
    AlignSettings,
    FaceSettings,
    FlowSettings,
    PreprocessingSettings,
    SamplingSettings,
    SpeechSettings,
)
from unmask.errors import MediaError
from unmask.preprocessing.cache import Cache, cache_key
from unmask.preprocessing.hashing import file_sha256
from unmask.preprocessing.prepare import (
    frames_with_face,
    iter_windows,
    prepare_clip,
    to_model_inputs,
)
from unmask.preprocessing.stages import VERSIONS, CachedStages
from unmask.preprocessing.timing import StageTimer

SETTINGS = PreprocessingSettings(speech=SpeechSettings(method="energy"))


@pytest.fixture(scope="module")
def talk(film, tmp_path_factory):
    """Seven seconds of somebody swaying and buzzing."""
    return film(tmp_path_factory.mktemp("talk") / "a.mp4", seconds=7.0)


@pytest.fixture(scope="module")
def whole(talk):
    return prepare_clip(talk, SETTINGS)


def same(one, other):
    """Whether two clips' features are equal to the last bit."""
    arrays = [
        [clip.speech_s, *([clip.waveform.samples] if clip.waveform else [])]
        + [array for person in clip.people
           for array in (person.faces, person.flow, person.landmarks, person.track.time_s,
                         person.track.boxes_px, person.track.landmarks_px, person.track.pose_deg)]
        for clip in (one, other)
    ]  # fmt: skip
    return (one.start_s, one.end_s, one.frames_sampled) == (
        other.start_s, other.end_s, other.frames_sampled,
    ) and all(np.array_equal(a, b) for a, b in zip(*arrays, strict=True))  # fmt: skip


def test_a_talking_person_is_prepared_whole(whole):
    assert whole.frames_sampled == 35
    (person,) = whole.people
    assert person.faces.shape == (35, 224, 224, 3)
    assert person.flow.shape == (35, 2, 224, 224)
    assert np.diff(person.track.time_s) == pytest.approx(0.2)
    assert whole.end_s == pytest.approx(7.0, abs=0.1)
    assert whole.waveform.duration_s == pytest.approx(7.0, abs=0.1)


def test_the_landmarks_follow_the_face_that_sways(whole):
    """The shared film moves the portrait by 6·sin(4t) of 300 px, shown 320 px wide."""
    (person,) = whole.people
    nose = person.track.landmarks_px[:, 30, 0]
    sway = 6 * np.sin(4 * person.track.time_s) * 320 / 300
    assert np.abs((nose - nose.mean()) - (sway - sway.mean())).max() < 2


def test_the_same_file_gives_the_same_features(talk, whole):
    assert same(prepare_clip(talk, SETTINGS), whole)


def test_windows_joined_are_the_whole(talk, whole):
    parts = list(iter_windows(talk, SETTINGS, window_s=2.0))
    assert [part.start_s for part in parts] == [0.0, 2.0, 4.0, 6.0]
    assert [part.end_s for part in parts] == [2.0, 4.0, 6.0, whole.end_s]
    assert sum(part.frames_sampled for part in parts) == whole.frames_sampled
    for name in ("faces", "flow", "landmarks"):
        joined = np.concatenate([getattr(part.people[0], name) for part in parts])
        assert np.array_equal(joined, getattr(whole.people[0], name))
    joined = np.concatenate([part.people[0].track.time_s for part in parts])
    assert np.array_equal(joined, whole.people[0].track.time_s)
    sound = np.concatenate([part.waveform.samples for part in parts])
    assert np.array_equal(sound, whole.waveform.samples)
    masks = [to_model_inputs(part)[0].is_speech for part in parts]
    assert np.array_equal(np.concatenate(masks), to_model_inputs(whole)[0].is_speech)


def test_a_part_is_what_lies_in_it_and_nothing_else(talk, whole):
    parts = list(iter_windows(talk, SETTINGS, window_s=2.0, part_s=(1.5, 5.0)))
    assert [part.start_s for part in parts] == [1.5, 2.0, 4.0]
    assert [part.end_s for part in parts] == [2.0, 4.0, pytest.approx(5.0, abs=0.05)]
    times_s = whole.people[0].track.time_s
    joined = np.concatenate([part.people[0].track.time_s for part in parts])
    assert np.array_equal(joined, times_s[(times_s >= 1.5) & (times_s < 5.0)])
    sound = np.concatenate([part.waveform.samples for part in parts])
    assert np.array_equal(sound, whole.waveform.samples[24_000:80_000])
    assert sum(part.frames_sampled for part in parts) == len(joined)


def test_a_part_behind_the_end_is_empty(talk):
    (part,) = iter_windows(talk, SETTINGS, window_s=60.0, part_s=(50.0, 60.0))
    assert (part.frames_sampled, part.people, len(part.waveform.samples)) == (0, (), 0)


def test_an_empty_stretch_is_a_window_too(film, tmp_path):
    path = film(tmp_path / "a.mp4", times=[0.0, 0.2, 6.4, 6.6], seconds=7.0)
    parts = list(iter_windows(path, SETTINGS, window_s=2.0))
    assert [part.frames_sampled for part in parts] == [2, 0, 0, 2]
    assert [len(part.people) for part in parts] == [1, 0, 0, 1]
    assert len(to_model_inputs(parts[1])[0].waveform) == 32_000


def test_what_is_cached_is_the_same_and_costs_no_work(talk, whole, tmp_path):
    cache = Cache(tmp_path)
    assert same(prepare_clip(talk, SETTINGS, cache), whole)
    watch = StageTimer()
    assert same(prepare_clip(talk, SETTINGS, cache, watch), whole)
    assert sum(watch.seconds.values()) == 0


@pytest.mark.parametrize(
    ("changed", "redone"),
    [
        ({"sampling": SamplingSettings(4.0)}, {"faces", "flow"}),
        ({"faces": FaceSettings(max_people=1)}, {"faces", "flow"}),
        ({"align": AlignSettings(method="box")}, {"faces", "flow"}),
        ({"speech": SpeechSettings("energy", 0.4)}, {"speech"}),
        ({"flow": FlowSettings(enabled=False)}, set()),
        ({}, set()),
    ],
)
def test_a_changed_setting_redoes_its_stage_and_what_builds_on_it(film, tmp_path, changed, redone):
    path, cache = film(tmp_path / "a.mp4"), Cache(tmp_path / "cache")
    prepare_clip(path, SETTINGS, cache)
    stages = CachedStages(path, replace(SETTINGS, **changed), cache)
    for stage in (stages.info, stages.people, stages.flow, stages.sound):
        stage()
    assert {stage for stage, cached in stages.cached.items() if not cached} == redone


def test_faces_aligned_before_there_was_a_choice_are_found_again(film, tmp_path):
    path, cache = film(tmp_path / "a.mp4"), Cache(tmp_path / "cache")
    prepare_clip(path, SETTINGS, cache)
    own = {name: asdict(getattr(SETTINGS, name)) for name in ("sampling", "faces")}
    own |= {"version": VERSIONS["faces"], "align": {"crop_px": 224}}
    assert cache.path("faces", cache_key("faces", file_sha256(path), own)).is_file()


def test_a_copy_under_another_name_is_taken_from_the_cache_and_a_changed_file_is_not(
    film, tmp_path
):
    cache = Cache(tmp_path / "cache")
    path = film(tmp_path / "a.mp4")
    prepare_clip(path, SETTINGS, cache)
    copy = tmp_path / "b.mp4"
    copy.write_bytes(path.read_bytes())
    stages = CachedStages(copy, SETTINGS, cache)
    assert stages.info().path == copy
    assert stages.cached == {"media": True}
    other = CachedStages(film(tmp_path / "a.mp4", size=(160, 120)), SETTINGS, cache)
    assert other.info().width == 160
    assert other.cached == {"media": False}


def test_a_damaged_entry_is_worked_out_again(talk, whole, tmp_path):
    cache = Cache(tmp_path)
    prepare_clip(talk, SETTINGS, cache)
    for path in tmp_path.glob("*/*/*.safetensors"):
        path.write_bytes(path.read_bytes()[:-9] + b"123456789")
    assert same(prepare_clip(talk, SETTINGS, Cache(tmp_path)), whole)


def test_without_flow_there_is_none(talk):
    features = prepare_clip(talk, replace(SETTINGS, flow=FlowSettings(enabled=False)))
    assert features.people[0].flow is None
    assert to_model_inputs(features)[0].flow is None


@pytest.mark.parametrize(
    ("film_of", "frames", "people", "sound"),
    [
        ({"sound": False}, 5, 1, False),
        ({"face": False}, 5, 0, True),
        ({"face": False, "sound": False}, 5, 0, False),
        ({"times": []}, 0, 0, True),
        ({"times": [0.0], "sound": False}, 1, 1, False),
        ({"seconds": 0.2}, 1, 1, True),
        ({"turned": True}, 5, 1, True),
        ({"times": [0.0, 0.01, 0.3, 0.31, 0.32, 0.9]}, 3, 1, True),
    ],
)
def test_a_film_that_lacks_something_is_a_case_and_no_error(
    film, tmp_path, film_of, frames, people, sound
):
    path = film(tmp_path / "a.mp4", **film_of)
    (window,) = iter_windows(path, SETTINGS)
    features = prepare_clip(path, SETTINGS, Cache(tmp_path / "cache"))
    assert same(window, features)
    assert same(features, prepare_clip(path, SETTINGS, Cache(tmp_path / "cache")))
    assert features.frames_sampled == frames
    assert len(features.people) == people
    assert (features.waveform is not None) == sound
    assert frames_with_face(features.people) == frames * people
    samples = to_model_inputs(features)
    assert len(samples) == (1 if people or sound else 0)
    for sample in samples:
        assert sample.faces.shape[1:] == (224, 224, 3)
        assert len(sample.faces) == frames * people
        assert bool(len(sample.waveform)) == sound


def test_two_people_are_two_samples_with_the_same_sound(shoot, astronaut, hopper, tmp_path):
    import cv2

    left = cv2.resize(astronaut[:375, 50:425], (600, 600))
    both = np.hstack([left, hopper])
    features = prepare_clip(shoot(tmp_path / "a.mkv", [both] * 11), SETTINGS)
    assert [len(person.faces) for person in features.people] == [3, 3]
    boxes = [person.track.boxes_px[0] for person in features.people]
    assert boxes[0][0] > 600 > boxes[1][2]  # the larger face first
    assert len(to_model_inputs(features)) == 2


def test_is_speech_is_true_inside_the_stretches_alone(whole):
    (sample,) = to_model_inputs(replace(whole, speech_s=np.array([[0.5, 1.25], [3.0, 99.0]])))
    time_s = np.arange(len(sample.waveform)) / 16_000
    expected = ((time_s >= 0.5) & (time_s < 1.25)) | (time_s >= 3.0)
    assert np.array_equal(sample.is_speech, expected)


def test_pauses_in_the_sound_are_no_speech_in_every_window(record, tmp_path):
    time_s = np.arange(6 * 16_000) / 16_000
    bursts = 0.3 * np.sin(2 * np.pi * 200 * time_s) * (time_s % 2 > 1)
    path = record(tmp_path / "a.wav", bursts[None], 16_000)
    whole = prepare_clip(path, SETTINGS)
    assert whole.speech_spans_s == pytest.approx(np.array([[1, 2], [3, 4], [5, 6]]), abs=0.07)
    parts = [
        part.speech_spans_s + part.start_s for part in iter_windows(path, SETTINGS, window_s=2.5)
    ]
    assert len(parts) == 2
    assert np.concatenate(parts) == pytest.approx(whole.speech_spans_s, abs=0.07)


def test_an_unreadable_file_is_named(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"no film")
    with pytest.raises(MediaError, match=r"a\.mp4"):
        prepare_clip(path, SETTINGS, Cache(tmp_path))
    with pytest.raises(MediaError, match=r"a\.mp4"):
        next(iter_windows(path, SETTINGS))


@pytest.mark.slow
def test_memory_is_flat_in_video_length(film, tmp_path):
    """20 s more of faces and flow, were they held, would be 25 MB; sound is 64 kB a second."""
    peak = {}
    for seconds in (4.0, 24.0):
        times = [number / 5 for number in range(round(seconds * 5))]
        path = film(tmp_path / f"{seconds}.mp4", times=times, seconds=seconds)
        next(iter_windows(path, SETTINGS, 2.0))
        tracemalloc.start()
        assert sum(part.frames_sampled for part in iter_windows(path, SETTINGS, 2.0)) == len(times)
        peak[seconds] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak[24.0] - peak[4.0] < 8e6
