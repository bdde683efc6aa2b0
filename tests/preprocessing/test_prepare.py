"""Feature preparation of clips and windows."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from unmask.config import FlowSettings, LipSettings, PreprocessingSettings, SpeechSettings
from unmask.errors import MediaError
from unmask.preprocessing import prepare, stages
from unmask.preprocessing.cache import Cache
from unmask.preprocessing.faces.head_pose import rotate_pose
from unmask.preprocessing.prepare import (
    frames_with_face,
    iter_windows,
    prepare_clip,
    to_model_inputs,
)
from unmask.preprocessing.timing import StageTimer

ENERGY = SpeechSettings(method="energy")
SETTINGS = PreprocessingSettings(speech=ENERGY)


@pytest.fixture(scope="module")
def talking(make_video, tmp_path_factory):
    """Seven seconds of a swaying portrait with a voice."""
    return make_video(tmp_path_factory.mktemp("talking") / "a.mp4", seconds=7.0)


@pytest.fixture(scope="module")
def whole(talking):
    return prepare_clip(talking, SETTINGS)


def same(first, second):
    """Whether the features of two clips are bit-identical."""
    arrays = [
        [clip.speech_spans_s, *([clip.waveform.samples] if clip.waveform else [])]
        + [array for person in clip.people
           for array in (person.faces, person.flow, person.landmarks, person.track.time_s,
                         person.track.boxes_px, person.track.landmarks_px, person.track.pose_deg)]
        for clip in (first, second)
    ]  # fmt: skip
    return (first.start_s, first.end_s, first.frames_sampled) == (
        second.start_s, second.end_s, second.frames_sampled,
    ) and all(np.array_equal(a, b) for a, b in zip(*arrays, strict=True))  # fmt: skip


def test_features_of_a_talking_person_are_complete(whole):
    assert whole.frames_sampled == 35
    (person,) = whole.people
    assert person.faces.shape == (35, 224, 224, 3)
    assert person.flow.shape == (35, 2, 224, 224)
    assert np.diff(person.track.time_s) == pytest.approx(0.2)
    assert whole.end_s == pytest.approx(7.0, abs=0.1)
    assert whole.waveform.duration_s == pytest.approx(7.0, abs=0.1)


def test_landmarks_follow_the_swaying_face(whole):
    """The portrait moves by 6·sin(4t) of 300 px, and is shown 320 px wide."""
    (person,) = whole.people
    nose = person.track.landmarks_px[:, 30, 0]
    sway = 6 * np.sin(4 * person.track.time_s) * 320 / 300
    assert np.abs((nose - nose.mean()) - (sway - sway.mean())).max() < 2


def test_preparation_is_deterministic(talking, whole):
    assert same(prepare_clip(talking, SETTINGS), whole)


def test_concatenated_windows_equal_the_whole_clip(talking, whole):
    parts = list(iter_windows(talking, SETTINGS, window_s=2.0))
    assert [part.start_s for part in parts] == [0.0, 2.0, 4.0, 6.0]
    assert [part.end_s for part in parts] == [2.0, 4.0, 6.0, whole.end_s]
    assert sum(part.frames_sampled for part in parts) == whole.frames_sampled
    for name in ("faces", "flow", "landmarks"):
        joined = np.concatenate([getattr(part.people[0], name) for part in parts])
        assert np.array_equal(joined, getattr(whole.people[0], name))
    joined = np.concatenate([part.people[0].track.time_s for part in parts])
    assert np.array_equal(joined, whole.people[0].track.time_s)
    samples = np.concatenate([part.waveform.samples for part in parts])
    assert np.array_equal(samples, whole.waveform.samples)
    masks = [to_model_inputs(part)[0].is_speech for part in parts]
    assert np.array_equal(np.concatenate(masks), to_model_inputs(whole)[0].is_speech)


def test_part_has_the_features_inside_it_alone(talking, whole):
    parts = list(iter_windows(talking, SETTINGS, window_s=2.0, part_s=(1.5, 5.0)))
    assert [part.start_s for part in parts] == [1.5, 2.0, 4.0]
    assert [part.end_s for part in parts] == [2.0, 4.0, pytest.approx(5.0, abs=0.05)]
    times_s = whole.people[0].track.time_s
    joined = np.concatenate([part.people[0].track.time_s for part in parts])
    assert np.array_equal(joined, times_s[(times_s >= 1.5) & (times_s < 5.0)])
    samples = np.concatenate([part.waveform.samples for part in parts])
    assert np.array_equal(samples, whole.waveform.samples[24_000:80_000])
    assert sum(part.frames_sampled for part in parts) == len(joined)


def test_part_after_the_end_is_empty(talking):
    (part,) = iter_windows(talking, SETTINGS, window_s=60.0, part_s=(50.0, 60.0))
    assert (part.frames_sampled, part.people, len(part.waveform.samples)) == (0, (), 0)


def test_time_without_frames_is_a_window_without_people(make_video, tmp_path):
    path = make_video(tmp_path / "a.mp4", times=[0.0, 0.2, 6.4, 6.6], seconds=7.0)
    parts = list(iter_windows(path, SETTINGS, window_s=2.0))
    assert [part.frames_sampled for part in parts] == [2, 0, 0, 2]
    assert [len(part.people) for part in parts] == [1, 0, 0, 1]
    assert len(to_model_inputs(parts[1])[0].waveform) == 32_000


def test_cached_features_are_identical_and_cost_no_time(talking, whole, tmp_path):
    cache = Cache(tmp_path)
    assert same(prepare_clip(talking, SETTINGS, cache), whole)
    timer = StageTimer()
    assert same(prepare_clip(talking, SETTINGS, cache, timer), whole)
    assert sum(timer.seconds.values()) == 0


def test_damaged_cache_entry_is_computed_again(talking, whole, tmp_path):
    cache = Cache(tmp_path)
    prepare_clip(talking, SETTINGS, cache)
    for path in tmp_path.glob("*/*/*.safetensors"):
        path.write_bytes(path.read_bytes()[:-9] + b"123456789")
    assert same(prepare_clip(talking, SETTINGS, Cache(tmp_path)), whole)


def test_disabled_flow_is_none(talking):
    features = prepare_clip(
        talking, PreprocessingSettings(speech=ENERGY, flow=FlowSettings(enabled=False))
    )
    assert features.people[0].flow is None
    assert to_model_inputs(features)[0].flow is None


@pytest.mark.parametrize(
    ("content", "frames", "people", "audio"),
    [
        ({"audio": False}, 5, 1, False),
        ({"face": False}, 5, 0, True),
        ({"face": False, "audio": False}, 5, 0, False),
        ({"times": []}, 0, 0, True),
        ({"times": [0.0], "audio": False}, 1, 1, False),
        ({"seconds": 0.2}, 1, 1, True),
        ({"rotated": True}, 5, 1, True),
        ({"times": [0.0, 0.01, 0.3, 0.31, 0.32, 0.9]}, 3, 1, True),
    ],
)
def test_video_without_some_content_is_prepared(
    make_video, tmp_path, content, frames, people, audio
):
    path = make_video(tmp_path / "a.mp4", **content)
    (window,) = iter_windows(path, SETTINGS)
    features = prepare_clip(path, SETTINGS, Cache(tmp_path / "cache"))
    assert same(window, features)
    assert same(features, prepare_clip(path, SETTINGS, Cache(tmp_path / "cache")))
    assert features.frames_sampled == frames
    assert len(features.people) == people
    assert (features.waveform is not None) == audio
    assert frames_with_face(features.people) == frames * people
    samples = to_model_inputs(features)
    assert len(samples) == (1 if people or audio else 0)
    for sample in samples:
        assert sample.faces.shape[1:] == (224, 224, 3)
        assert len(sample.faces) == frames * people
        assert bool(len(sample.waveform)) == audio


def test_two_people_are_two_model_inputs(write_frames, two_people, tmp_path):
    features = prepare_clip(write_frames(tmp_path / "a.mkv", [two_people] * 11), SETTINGS)
    assert [len(person.faces) for person in features.people] == [3, 3]
    boxes = [person.track.boxes_px[0] for person in features.people]
    assert boxes[0][0] > 600 > boxes[1][2]  # the larger face first
    assert len(to_model_inputs(features)) == 2


class ByPicture:
    """Embeds a face by which of the faces seen before it equals, nearly."""

    def __init__(self):
        self.known = []

    def __call__(self, face):
        small = face[16:96:8, 16:96:8].astype(np.float32)
        near = [n for n, other in enumerate(self.known) if abs(small - other).mean() < 25]
        if not near:
            self.known.append(small)
        return np.eye(9, dtype=np.float32)[near[0] if near else len(self.known) - 1]


@pytest.fixture
def embedder(monkeypatch):
    for module in (prepare, stages):
        monkeypatch.setattr(module, "find_embedder", ByPicture)


def swaying(image, frames, start=0):
    """Return parts of a picture of 512 px, as a hand-held camera sees them."""
    offsets = [round(4 + 4 * np.sin(0.7 * number)) for number in range(start, start + frames)]
    return [np.ascontiguousarray(image[k : k + 500, k : k + 500]) for k in offsets]


def test_person_keeps_the_number_across_cuts_in_windows_and_in_the_whole(
    write_frames, astronaut, hopper, tmp_path, embedder
):
    shots = [swaying(astronaut, 15), swaying(hopper, 10), swaying(astronaut, 15, start=25)]
    path = write_frames(tmp_path / "a.mkv", [*shots[0], *shots[1], *shots[2]])
    clip = prepare_clip(path, SETTINGS)
    assert clip.compared
    tracks = {person.track.person: person.track for person in clip.people}
    assert sorted(tracks) == [0, 1]
    assert tracks[0].time_s == pytest.approx([0, 0.2, 0.4, 1.0, 1.2, 1.4])
    assert tracks[0].shots.tolist() == [0, 0, 0, 2, 2, 2]
    assert tracks[1].time_s == pytest.approx([0.6, 0.8])
    windows = list(iter_windows(path, SETTINGS, window_s=0.5))
    seen = [(t, person.track.person) for window in windows for person in window.people
            for t in person.track.time_s]  # fmt: skip
    assert sorted(seen) == sorted(
        (t, person) for person, track in tracks.items() for t in track.time_s
    )


def test_cut_changes_neither_flow_nor_mouths_on_either_side(
    write_frames, astronaut, tmp_path, monkeypatch
):
    """The features of the shots of one person are those of a file for each."""
    monkeypatch.setattr(stages, "find_embedder", lambda: lambda face: np.ones(1, np.float32))
    settings = PreprocessingSettings(speech=ENERGY, lips=LipSettings(enabled=True))
    shots = [swaying(astronaut, 15), swaying(astronaut[:, ::-1], 15), swaying(astronaut, 15, 30)]
    path = write_frames(tmp_path / "joined.mkv", [*shots[0], *shots[1], *shots[2]])
    (joined,) = prepare_clip(path, settings).people
    alone = [
        prepare_clip(write_frames(tmp_path / f"{number}.mkv", images), settings).people[0]
        for number, images in enumerate(shots)
    ]
    for name in ("faces", "flow", "landmarks"):
        expected = np.concatenate([getattr(part, name) for part in alone])
        assert np.array_equal(getattr(joined, name), expected)
    assert not joined.flow[[3, 6]].any()
    assert joined.flow[[1, 4, 7]].any(axis=(1, 2, 3)).all()
    mouths = np.concatenate([part.lips.mouths for part in alone])
    assert np.array_equal(joined.lips.mouths, mouths)
    assert (np.diff(joined.lips.time_s) > 1.5 / 25).sum() == 2


def test_pauses_are_not_speech_in_any_window(write_audio, tmp_path):
    time_s = np.arange(6 * 16_000) / 16_000
    tones = 0.3 * np.sin(2 * np.pi * 200 * time_s) * (time_s % 2 > 1)
    path = write_audio(tmp_path / "a.wav", tones[None], 16_000)
    whole = prepare_clip(path, SETTINGS)
    assert whole.speech_spans_s == pytest.approx(np.array([[1, 2], [3, 4], [5, 6]]), abs=0.07)
    parts = [
        part.speech_spans_s + part.start_s for part in iter_windows(path, SETTINGS, window_s=2.5)
    ]
    assert len(parts) == 2
    assert np.concatenate(parts) == pytest.approx(whole.speech_spans_s, abs=0.07)


def test_unreadable_file_is_named(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"not a video")
    with pytest.raises(MediaError, match=r"a\.mp4"):
        prepare_clip(path, SETTINGS, Cache(tmp_path))
    with pytest.raises(MediaError, match=r"a\.mp4"):
        next(iter_windows(path, SETTINGS))


@pytest.mark.slow
def test_memory_does_not_grow_with_the_length_of_the_video(make_video, tmp_path):
    """Another 20 s of faces and flow would be 25 MB; audio is 64 kB per second."""
    peak = {}
    for seconds in (4.0, 24.0):
        times = [number / 5 for number in range(round(seconds * 5))]
        path = make_video(tmp_path / f"{seconds}.mp4", times=times, seconds=seconds)
        next(iter_windows(path, SETTINGS, 2.0))
        tracemalloc.start()
        assert sum(part.frames_sampled for part in iter_windows(path, SETTINGS, 2.0)) == len(times)
        peak[seconds] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak[24.0] - peak[4.0] < 8e6


def test_pose_of_a_model_input_is_that_in_the_aligned_face(make_video, tmp_path):
    """The head of a turned picture has the roll of the picture; in the aligned face it has none."""
    features = prepare_clip(make_video(tmp_path / "a.mp4", audio=False), PreprocessingSettings())
    (person,), (before,) = features.people, to_model_inputs(features)
    angle = np.deg2rad(25.0)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    track = person.track
    tilted = replace(
        track,
        landmarks_px=(track.landmarks_px @ matrix.T).astype(np.float32),
        pose_deg=rotate_pose(track.pose_deg, np.full(len(track.pose_deg), angle)),
    )
    assert (tilted.pose_deg - track.pose_deg)[:, 2] == pytest.approx(25.0, abs=2.0)
    (after,) = to_model_inputs(replace(features, people=(replace(person, track=tilted),)))
    assert after.pose_deg == pytest.approx(before.pose_deg, abs=0.1)
