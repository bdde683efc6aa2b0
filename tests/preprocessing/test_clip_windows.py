"""A clip that is prepared as a whole is cut into the windows that serving prepares."""

from dataclasses import replace

import numpy as np
import pytest

from unmask.config import LipSettings, PreprocessingSettings, SpeechSettings
from unmask.preprocessing.clip_windows import WINDOW_S, split_windows, with_model_inputs
from unmask.preprocessing.prepare import iter_windows, prepare_clip
from unmask.records import FaceTrack

SETTINGS = PreprocessingSettings(
    speech=SpeechSettings(method="energy"), lips=LipSettings(enabled=True)
)


@pytest.fixture(scope="module")
def talking(make_video, tmp_path_factory):
    return make_video(tmp_path_factory.mktemp("talking") / "a.mp4", seconds=5.2)


@pytest.fixture(scope="module")
def whole(talking):
    return prepare_clip(talking, SETTINGS)


def assert_same_inputs(windows, others):
    for (window, inputs), (other, expected) in zip(windows, others, strict=True):
        assert (window.start_s, window.end_s) == (other.start_s, other.end_s)
        for person, same in zip(window.people, other.people, strict=True):
            assert person.track.person == same.track.person
            np.testing.assert_array_equal(person.track.boxes_px, same.track.boxes_px)
        for a, b in zip(inputs, expected, strict=True):
            for name in ("faces", "flow", "waveform", "is_speech", "landmarks", "pose_deg"):
                np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)
            np.testing.assert_array_equal(a.times_s, b.times_s)
            for name in ("mouths", "time_s", "opening"):
                np.testing.assert_array_equal(getattr(a.lips, name), getattr(b.lips, name))


# of a clip of 5.2 s; the remainder of 0.2 s belongs to the last window
@pytest.mark.parametrize(("window_s", "count"), [(1.0, 5), (2.0, 3), (3.0, 2), (30.0, 1)])
def test_a_split_clip_has_the_inputs_of_the_windows_of_its_file(talking, whole, window_s, count):
    served = list(with_model_inputs(iter_windows(talking, SETTINGS, window_s)))
    split = list(with_model_inputs(split_windows(whole, window_s)))
    assert len(split) == count
    assert_same_inputs(split, served)


def test_a_clip_of_one_window_is_left_as_it_is(whole):
    assert whole.end_s < WINDOW_S
    (window,) = split_windows(whole)
    assert window is whole


def test_a_person_is_left_out_of_windows_in_which_no_face_is_seen(whole):
    (person,) = whole.people
    late = slice(15, None)  # from 3 s on
    track = person.track
    cut = FaceTrack(
        0, *(x[late] for x in (track.time_s, track.boxes_px, track.landmarks_px, track.pose_deg))
    )
    seen = replace(
        person,
        track=cut,
        faces=person.faces[late],
        flow=person.flow[late],
        landmarks=person.landmarks[late],
    )
    windows = list(split_windows(replace(whole, people=(seen,)), 2.0))
    assert [len(window.people) for window in windows] == [0, 1, 1]
    assert [window.frames_sampled for window in windows] == [0, 5, 6]
    assert windows[1].people[0].lips.time_s[0] == pytest.approx(0.0)
