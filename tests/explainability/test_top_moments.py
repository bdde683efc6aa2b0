"""The top moments are kept, and nothing else."""

import numpy as np
import pytest

from unmask.explainability.top_moments import EXCERPT_S, TopMoments


def kept(moments, person=0):
    return [(round(item.time_s, 3), item.probability) for item in moments.people[person]]


def test_five_highest_frames_are_kept_in_order_and_apart(make_person, make_window, make_score, rng):
    times_s = np.arange(0, 6, 0.2)
    values = rng.permutation(len(times_s)) / len(times_s)
    moments = TopMoments()
    moments.add(make_window(make_person(times_s)), [make_score(values)])
    expected, free = [], dict(zip(times_s, values, strict=True))
    while len(expected) < 5:  # by striking out neighbours of the best
        best = max(free, key=free.get)
        expected.append((round(best, 3), free[best]))
        free = {time: value for time, value in free.items() if abs(time - best) > 0.3}
    assert kept(moments) == expected


def test_frames_of_several_windows_are_ranked_together(make_person, make_window, make_score):
    moments = TopMoments()
    for start_s, value in ((0.0, 0.4), (30.0, 0.9), (60.0, 0.1)):
        times_s = start_s + np.arange(0, 4, 0.5)
        scores = [make_score(value + 0.01 * np.arange(8))]
        moments.add(make_window(make_person(times_s), start_s=start_s), scores)
    assert [time for time, _ in kept(moments)] == [33.5, 33.0, 32.5, 32.0, 31.5]


def test_neighbouring_frames_across_windows_are_one_moment(make_person, make_window, make_score):
    moments = TopMoments()
    moments.add(make_window(make_person([29.8])), [make_score([0.6])])
    moments.add(make_window(make_person([30.0]), start_s=30.0), [make_score([0.7])])
    assert kept(moments) == [(30.0, 0.7)]


def test_only_the_most_suspicious_people_are_kept(make_person, make_window, make_score):
    moments = TopMoments()
    people = [make_person([0.0, 1.0], number=number) for number in range(9)]
    values = [0.5, 0.1, 0.9, 0.3, 0.8, 0.2, 0.7, 0.6, 0.4]
    moments.add(make_window(*people), [make_score([value, value]) for value in values])
    assert sorted(moments.people) == [0, 2, 4, 6, 7]


def test_candidate_has_its_neighbouring_frames_as_context(make_person, make_window, make_score):
    person = make_person(np.arange(0, 4, 0.2), flow=True)
    moments = TopMoments()
    moments.add(make_window(person), [make_score(np.eye(20)[10] + np.eye(20)[1] / 2)])
    first, second = moments.people[0][:2]
    assert np.array_equal(first.context.faces, person.faces[7:14])
    assert np.array_equal(first.context.flow[first.index], person.flow[10])
    assert np.array_equal(second.context.faces[second.index], person.faces[1])
    assert len(second.context.faces) == 5  # no more frames before it
    assert not np.shares_memory(first.context.faces, person.faces)


def test_affine_map_to_the_face_maps_its_landmarks(make_person, make_window, make_score):
    person = make_person([0.0])
    moments = TopMoments()
    moments.add(make_window(person), [make_score([0.5])])
    matrix = moments.people[0][0].to_face
    moved = person.track.landmarks_px[0] @ matrix[:, :2].T + matrix[:, 2]
    assert moved == pytest.approx(person.landmarks[0], abs=0.01)


def test_audio_excerpt_with_the_highest_sum_is_kept(make_window, make_score, rng):
    sound = rng.normal(0, 0.1, 25 * 16_000).astype(np.float32)
    steps = np.full(1249, 0.1)
    steps[700:800] = 0.9  # 14 to 16 s
    steps[:50] = np.nan
    moments = TopMoments()
    moments.add(make_window(start_s=30.0, sound=sound), [make_score(steps=steps)])
    stretch = moments.sound
    assert stretch.start_s <= 44.0
    assert stretch.start_s + len(stretch.sample.waveform) / 16_000 >= 46.0
    assert len(stretch.sample.waveform) == EXCERPT_S * 16_000
    begin = round((stretch.start_s - 30.0) * 16_000)
    assert np.array_equal(stretch.sample.waveform, sound[begin:][: len(stretch.sample.waveform)])
    quiet = make_window(start_s=60.0, sound=sound)
    moments.add(quiet, [make_score(steps=np.full(1249, 0.1))])
    assert moments.sound is stretch


@pytest.mark.parametrize("steps", [[], [np.nan] * 40])
def test_no_excerpt_without_speech(make_window, make_score, steps):
    moments = TopMoments()
    moments.add(make_window(sound=np.zeros(16_000, np.float32)), [make_score(steps=steps)])
    assert moments.sound is None


def test_empty_window_changes_nothing(make_window):
    moments = TopMoments()
    moments.add(make_window(), [])
    assert moments == TopMoments()
