"""Frame sampling and windows."""

import numpy as np
import pytest

from unmask.preprocessing.media.sampling import TOLERANCE_S, FrameSampler, window_index


def taken(times, rate_hz):
    sampler = FrameSampler(rate_hz)
    return [time for time in times if sampler.should_take(time)]


@pytest.mark.parametrize("fps", [5, 23.976, 25, 29.97, 30, 50, 60])
def test_constant_frame_rate_is_sampled_at_the_requested_rate(fps):
    assert len(taken(np.arange(0, 10, 1 / fps), 5.0)) == 50


def test_timestamps_rounded_to_milliseconds_select_the_same_frames():
    exact = np.arange(300) / 29.97
    exact_frames = [round(time * 29.97) for time in taken(exact, 5.0)]
    rounded_frames = [round(time * 29.97) for time in taken(exact.round(3), 5.0)]
    assert exact_frames == rounded_frames


@pytest.mark.parametrize("start_s", [0.0405, 0.0395, 0.0335, 0.0065])
def test_a_start_rounded_to_milliseconds_loses_no_frame(start_s):
    times_s = [round(start_s + index / 25, 3) - round(start_s, 3) for index in range(300)]
    assert len(taken(times_s, 25.0)) == 300
    late_s = np.arange(1, 300) * 0.04 - 0.001  # a frame and the start rounded apart
    assert len(taken(late_s, 25.0)) == 299


def test_first_frame_of_every_tick_is_taken():
    rng = np.random.default_rng(3)
    times = np.cumsum(rng.exponential(0.07, 400))
    ticks = np.floor((times + TOLERANCE_S) * 5)
    expected = [times[ticks == tick][0] for tick in np.unique(ticks)]
    assert taken(times, 5.0) == expected


@pytest.mark.parametrize("first_s", [-0.08, 0.0, 0.33, 12.0])
def test_the_first_frame_is_always_taken(first_s):
    assert taken([first_s, first_s + 0.04], 5.0)[0] == first_s


@pytest.mark.parametrize(("duration_s", "windows"), [(0.1, 1), (44, 1), (46, 2), (300, 10)])
def test_no_window_is_shorter_than_half_a_window(duration_s, windows):
    indices = [window_index(time, 30.0, duration_s) for time in np.arange(0, duration_s, 0.2)]
    assert sorted(set(indices)) == list(range(windows))
    assert indices.count(windows - 1) * 0.2 >= min(15, duration_s) - 0.2


def test_windows_are_bounded_if_the_container_understates_the_duration():
    indices = [window_index(time, 30.0, 10.0) for time in np.arange(0, 300, 1.0)]
    assert indices == sorted(indices)
    assert max(indices.count(index) for index in set(indices)) <= 60
