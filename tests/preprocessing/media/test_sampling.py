import numpy as np
import pytest

from unmask.preprocessing.media.sampling import FrameSampler, window_index


def taken(times, rate_hz):
    sampler = FrameSampler(rate_hz)
    return [time for time in times if sampler.should_take(time)]


@pytest.mark.parametrize("fps", [5, 23.976, 25, 29.97, 30, 50, 60])
def test_a_steady_film_gives_the_rate_asked_for(fps):
    assert len(taken(np.arange(0, 10, 1 / fps), 5.0)) == 50


def test_times_rounded_to_milliseconds_are_sampled_as_the_exact_ones():
    exact = np.arange(300) / 29.97
    picked = [round(time * 29.97) for time in taken(exact, 5.0)]
    rounded = [round(time * 29.97) for time in taken(exact.round(3), 5.0)]
    assert picked == rounded


def test_every_tick_in_which_a_frame_is_shown_gives_its_first_frame():
    rng = np.random.default_rng(3)
    times = np.cumsum(rng.exponential(0.07, 400))
    ticks = np.floor((times + 0.001) * 5)
    slowly = [times[ticks == tick][0] for tick in np.unique(ticks)]
    assert taken(times, 5.0) == slowly


@pytest.mark.parametrize("first_s", [-0.08, 0.0, 0.33, 12.0])
def test_the_first_frame_is_always_taken(first_s):
    assert taken([first_s, first_s + 0.04], 5.0)[0] == first_s


@pytest.mark.parametrize(("duration_s", "windows"), [(0.1, 1), (44, 1), (46, 2), (300, 10)])
def test_no_window_is_shorter_than_half(duration_s, windows):
    numbers = [window_index(time, 30.0, duration_s) for time in np.arange(0, duration_s, 0.2)]
    assert sorted(set(numbers)) == list(range(windows))
    assert numbers.count(windows - 1) * 0.2 >= min(15, duration_s) - 0.2


def test_a_container_that_claims_too_little_still_gives_windows_of_bounded_length():
    numbers = [window_index(time, 30.0, 10.0) for time in np.arange(0, 300, 1.0)]
    assert numbers == sorted(numbers)
    assert max(numbers.count(number) for number in set(numbers)) <= 60
