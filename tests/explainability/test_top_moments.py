"""Which moments are kept, and that no more is."""

import numpy as np
import pytest

from unmask.explainability.top_moments import EXCERPT_S, TopMoments


def kept(suspects, person=0):
    return [(round(one.time_s, 3), one.probability) for one in suspects.people[person]]


def test_the_five_highest_frames_are_kept_highest_first_and_apart(
    make_person, make_window, make_score, rng
):
    times_s = np.arange(0, 6, 0.2)
    values = rng.permutation(len(times_s)) / len(times_s)
    suspects = TopMoments()
    suspects.add(make_window(make_person(times_s)), [make_score(values)])
    wanted, free = [], dict(zip(times_s, values, strict=True))
    while len(wanted) < 5:  # by striking out, not by comparing with all before
        best = max(free, key=free.get)
        wanted.append((round(best, 3), free[best]))
        free = {time: value for time, value in free.items() if abs(time - best) > 0.3}
    assert kept(suspects) == wanted


def test_frames_of_several_windows_compete(make_person, make_window, make_score):
    suspects = TopMoments()
    for start_s, value in ((0.0, 0.4), (30.0, 0.9), (60.0, 0.1)):
        times_s = start_s + np.arange(0, 4, 0.5)
        scores = [make_score(value + 0.01 * np.arange(8))]
        suspects.add(make_window(make_person(times_s), start_s=start_s), scores)
    assert [time for time, _ in kept(suspects)] == [33.5, 33.0, 32.5, 32.0, 31.5]


def test_neighbours_over_the_edge_of_a_window_are_one_moment(make_person, make_window, make_score):
    suspects = TopMoments()
    suspects.add(make_window(make_person([29.8])), [make_score([0.6])])
    suspects.add(make_window(make_person([30.0]), start_s=30.0), [make_score([0.7])])
    assert kept(suspects) == [(30.0, 0.7)]


def test_a_crowd_is_cut_down_to_its_most_suspicious(make_person, make_window, make_score):
    suspects = TopMoments()
    people = [make_person([0.0, 1.0], number=number) for number in range(9)]
    values = [0.5, 0.1, 0.9, 0.3, 0.8, 0.2, 0.7, 0.6, 0.4]
    suspects.add(make_window(*people), [make_score([value, value]) for value in values])
    assert sorted(suspects.people) == [0, 2, 4, 6, 7]


def test_a_suspect_is_seen_as_the_detector_saw_it(make_person, make_window, make_score):
    person = make_person(np.arange(0, 4, 0.2), flow=True)
    suspects = TopMoments()
    suspects.add(make_window(person), [make_score(np.eye(20)[10] + np.eye(20)[1] / 2)])
    first, second = suspects.people[0][:2]
    assert np.array_equal(first.context.faces, person.faces[7:14])
    assert np.array_equal(first.context.flow[first.index], person.flow[10])
    assert np.array_equal(second.context.faces[second.index], person.faces[1])
    assert len(second.context.faces) == 5  # the video has no more before it
    assert not np.shares_memory(first.context.faces, person.faces)


def test_the_way_into_the_face_is_the_way_its_landmarks_went(make_person, make_window, make_score):
    person = make_person([0.0])
    suspects = TopMoments()
    suspects.add(make_window(person), [make_score([0.5])])
    matrix = suspects.people[0][0].to_face
    moved = person.track.landmarks_px[0] @ matrix[:, :2].T + matrix[:, 2]
    assert moved == pytest.approx(person.landmarks[0], abs=0.01)


def test_the_stretch_of_sound_that_says_most_is_kept(make_window, make_score, rng):
    sound = rng.normal(0, 0.1, 25 * 16_000).astype(np.float32)
    steps = np.full(1249, 0.1)
    steps[700:800] = 0.9  # 14 to 16 s
    steps[:50] = np.nan
    suspects = TopMoments()
    suspects.add(make_window(start_s=30.0, sound=sound), [make_score(steps=steps)])
    stretch = suspects.sound
    assert stretch.start_s <= 44.0
    assert stretch.start_s + len(stretch.sample.waveform) / 16_000 >= 46.0
    assert len(stretch.sample.waveform) == EXCERPT_S * 16_000
    begin = round((stretch.start_s - 30.0) * 16_000)
    assert np.array_equal(stretch.sample.waveform, sound[begin:][: len(stretch.sample.waveform)])
    quiet = make_window(start_s=60.0, sound=sound)
    suspects.add(quiet, [make_score(steps=np.full(1249, 0.1))])
    assert suspects.sound is stretch


@pytest.mark.parametrize("steps", [[], [np.nan] * 40])
def test_where_nobody_speaks_no_sound_is_kept(make_window, make_score, steps):
    suspects = TopMoments()
    suspects.add(make_window(sound=np.zeros(16_000, np.float32)), [make_score(steps=steps)])
    assert suspects.sound is None


def test_a_window_without_anything_changes_nothing(make_window):
    suspects = TopMoments()
    suspects.add(make_window(), [])
    assert suspects == TopMoments()
