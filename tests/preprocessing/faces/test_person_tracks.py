"""Face tracks of all people, window by window."""

import math

import numpy as np
import pytest

from unmask.config import AlignSettings, LipSettings, PreprocessingSettings
from unmask.preprocessing.faces.mouth_crops import MouthCropper, extract_mouth_crops
from unmask.preprocessing.faces.person_tracks import iter_person_windows
from unmask.preprocessing.media.probe import probe
from unmask.preprocessing.timing import StageTimer


def windows_of(path, window_s=math.inf, settings=None, **arguments):
    settings = settings or PreprocessingSettings()
    return list(iter_person_windows(probe(path), settings, window_s, StageTimer(), **arguments))


@pytest.fixture
def two_people_video(write_frames, two_people, tmp_path):
    return write_frames(tmp_path / "a.mkv", [two_people] * 11)


def test_larger_face_comes_first_and_keeps_its_id(two_people_video):
    first, second = windows_of(two_people_video, window_s=0.2)
    for window in (first, second):
        large, small = window.people
        assert large.track.boxes_px[0, 0] > 600 > small.track.boxes_px[0, 2]
    assert [person.track.person for person in first.people] == [
        person.track.person for person in second.people
    ]


def test_window_states_its_frames_and_last_time(two_people_video):
    (window,) = windows_of(two_people_video)
    assert (window.index, window.frames_sampled) == (0, 3)
    assert window.last_s == pytest.approx(0.4)
    assert [person.faces.shape for person in window.people] == [(3, 224, 224, 3)] * 2
    assert all(person.flow is None and person.lips is None for person in window.people)


def test_file_without_video_has_no_windows(make_video, tmp_path):
    assert windows_of(make_video(tmp_path / "a.m4a", times=[])) == []


def test_windows_without_frames_are_skipped(make_video, tmp_path):
    path = make_video(tmp_path / "a.mp4", times=[0.0, 0.2, 6.4, 6.6], seconds=7.0)
    assert [window.index for window in windows_of(path, window_s=2.0)] == [0, 3]


def test_box_crops_are_not_aligned(make_video, tmp_path):
    path = make_video(tmp_path / "a.mp4", times=[0.0])
    faces = [
        windows_of(path, settings=PreprocessingSettings(align=AlignSettings(method=method)))[0]
        .people[0]
        .faces[0]
        for method in ("similarity", "box")
    ]
    assert faces[0].shape == faces[1].shape
    assert not np.array_equal(*faces)


def test_mouths_are_complete_after_the_last_window(make_video, tmp_path):
    mouths = MouthCropper(LipSettings(enabled=True))
    windows_of(make_video(tmp_path / "a.mp4"), mouths=mouths)
    assert mouths.pop()[0].time_s == pytest.approx(np.arange(21) / 25)


def test_cut_between_two_people_in_one_place_makes_two_tracks(write_frames, astronaut, tmp_path):
    other = astronaut[::-1, ::-1].copy()  # another picture around
    other[20:235, 110:335] = astronaut[20:235, 110:335]  # with a face in the same place
    path = write_frames(tmp_path / "a.mkv", [astronaut] * 11 + [other] * 9)
    (window,) = windows_of(path)
    times = sorted(person.track.time_s.tolist() for person in window.people)
    assert times == [pytest.approx([0.0, 0.2, 0.4]), pytest.approx([0.6])]


def test_cut_between_two_sampled_frames_ends_the_tracks(write_frames, astronaut, tmp_path):
    other = astronaut[::-1, ::-1].copy()  # one frame of another picture, which is not sampled
    path = write_frames(tmp_path / "a.mkv", [astronaut] * 7 + [other] + [astronaut] * 8)
    (window,) = windows_of(path)
    times = sorted(person.track.time_s.tolist() for person in window.people)
    assert times == [pytest.approx([0.0, 0.2]), pytest.approx([0.4, 0.6])]


@pytest.fixture
def dissolved(astronaut):
    """One second of a person, 0.6 s of a dissolve into another with a face in the same place."""
    cv2 = pytest.importorskip("cv2")
    other = astronaut[::-1, ::-1].copy()
    other[20:235, 110:335] = astronaut[20:235, 110:335]
    mixed = [cv2.addWeighted(astronaut, 1 - n / 16, other, n / 16, 0) for n in range(1, 16)]
    return [*[astronaut] * 25, *mixed, *[other] * 25]


@pytest.mark.parametrize("window_s", [math.inf, 1.2, 0.4])
def test_faces_in_a_dissolve_belong_to_no_track(write_frames, dissolved, tmp_path, window_s):
    windows = windows_of(write_frames(tmp_path / "a.mkv", dissolved), window_s)
    times = {}
    for window in windows:
        for person in window.people:
            times.setdefault(person.track.person, []).extend(person.track.time_s.tolist())
    assert len(times) == 2
    first, second = sorted(times.values())
    assert first == pytest.approx([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], abs=0.21)
    assert first[-1] < 1.1
    assert second[0] >= 1.6 - 0.04
    assert second[-1] == pytest.approx(2.4)
    assert sum(window.frames_sampled for window in windows) == 13


def test_mouths_in_a_dissolve_are_dropped_in_both_ways_of_cropping(
    write_frames, dissolved, tmp_path
):
    settings = PreprocessingSettings(lips=LipSettings(enabled=True))
    path = write_frames(tmp_path / "a.mkv", dissolved)
    mouths = MouthCropper(settings.lips)
    (window,) = windows_of(path, mouths=mouths)
    at_once = mouths.pop()
    later = extract_mouth_crops(probe(path), settings, window.people, StageTimer())
    times = np.concatenate([crops.time_s for crops in at_once.values() if len(crops.time_s)])
    assert not ((times > 1.1) & (times < 1.55)).any()
    kept = {track: crops for track, crops in at_once.items() if len(crops.time_s)}
    assert kept.keys() == later.keys()
    for track, crops in kept.items():
        assert np.array_equal(crops.mouths, later[track].mouths)
        assert np.array_equal(crops.time_s, later[track].time_s)
