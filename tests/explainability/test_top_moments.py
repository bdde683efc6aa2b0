"""Which moments are kept, and that no more is."""

import numpy as np
import pytest

from unmask.explainability.top_moments import STRETCH_S, TopMoments


def kept(suspects, person=0):
    return [(round(one.time_s, 3), one.probability) for one in suspects.people[person]]


def test_the_five_highest_frames_are_kept_highest_first_and_apart(a_person, a_window, a_score, rng):
    times_s = np.arange(0, 6, 0.2)
    values = rng.permutation(len(times_s)) / len(times_s)
    suspects = TopMoments()
    suspects.add(a_window(a_person(times_s)), [a_score(values)])
    wanted, free = [], dict(zip(times_s, values, strict=True))
    while len(wanted) < 5:  # by striking out, not by comparing with all before
        best = max(free, key=free.get)
        wanted.append((round(best, 3), free[best]))
        free = {time: value for time, value in free.items() if abs(time - best) > 0.3}
    assert kept(suspects) == wanted


def test_frames_of_several_windows_compete(a_person, a_window, a_score):
    suspects = TopMoments()
    for start_s, value in ((0.0, 0.4), (30.0, 0.9), (60.0, 0.1)):
        times_s = start_s + np.arange(0, 4, 0.5)
        scores = [a_score(value + 0.01 * np.arange(8))]
        suspects.add(a_window(a_person(times_s), start_s=start_s), scores)
    assert [time for time, _ in kept(suspects)] == [33.5, 33.0, 32.5, 32.0, 31.5]


def test_neighbours_over_the_edge_of_a_window_are_one_moment(a_person, a_window, a_score):
    suspects = TopMoments()
    suspects.add(a_window(a_person([29.8])), [a_score([0.6])])
    suspects.add(a_window(a_person([30.0]), start_s=30.0), [a_score([0.7])])
    assert kept(suspects) == [(30.0, 0.7)]


def test_a_crowd_is_cut_down_to_its_most_suspicious(a_person, a_window, a_score):
    suspects = TopMoments()
    people = [a_person([0.0, 1.0], number=number) for number in range(9)]
    values = [0.5, 0.1, 0.9, 0.3, 0.8, 0.2, 0.7, 0.6, 0.4]
    suspects.add(a_window(*people), [a_score([value, value]) for value in values])
    assert sorted(suspects.people) == [0, 2, 4, 6, 7]


def test_a_suspect_is_seen_as_the_detector_saw_it(a_person, a_window, a_score):
    person = a_person(np.arange(0, 4, 0.2), flow=True)
    suspects = TopMoments()
    suspects.add(a_window(person), [a_score(np.eye(20)[10] + np.eye(20)[1] / 2)])
    first, second = suspects.people[0][:2]
    assert np.array_equal(first.seen.faces, person.faces[7:14])
    assert np.array_equal(first.seen.flow[first.at], person.flow[10])
    assert np.array_equal(second.seen.faces[second.at], person.faces[1])
    assert len(second.seen.faces) == 5  # the video has no more before it
    assert not np.shares_memory(first.seen.faces, person.faces)


def test_the_way_into_the_face_is_the_way_its_landmarks_went(a_person, a_window, a_score):
    person = a_person([0.0])
    suspects = TopMoments()
    suspects.add(a_window(person), [a_score([0.5])])
    matrix = suspects.people[0][0].to_face
    moved = person.track.landmarks_px[0] @ matrix[:, :2].T + matrix[:, 2]
    assert moved == pytest.approx(person.landmarks[0], abs=0.01)


def test_the_stretch_of_sound_that_says_most_is_kept(a_window, a_score, rng):
    sound = rng.normal(0, 0.1, 25 * 16_000).astype(np.float32)
    steps = np.full(1249, 0.1)
    steps[700:800] = 0.9  # 14 to 16 s
    steps[:50] = np.nan
    suspects = TopMoments()
    suspects.add(a_window(start_s=30.0, sound=sound), [a_score(steps=steps)])
    stretch = suspects.sound
    assert stretch.start_s <= 44.0
    assert stretch.start_s + len(stretch.heard.waveform) / 16_000 >= 46.0
    assert len(stretch.heard.waveform) == STRETCH_S * 16_000
    begin = round((stretch.start_s - 30.0) * 16_000)
    assert np.array_equal(stretch.heard.waveform, sound[begin:][: len(stretch.heard.waveform)])
    quiet = a_window(start_s=60.0, sound=sound)
    suspects.add(quiet, [a_score(steps=np.full(1249, 0.1))])
    assert suspects.sound is stretch


@pytest.mark.parametrize("steps", [[], [np.nan] * 40])
def test_where_nobody_speaks_no_sound_is_kept(a_window, a_score, steps):
    suspects = TopMoments()
    suspects.add(a_window(sound=np.zeros(16_000, np.float32)), [a_score(steps=steps)])
    assert suspects.sound is None


def test_a_window_without_anything_changes_nothing(a_window):
    suspects = TopMoments()
    suspects.add(a_window(), [])
    assert suspects == TopMoments()
