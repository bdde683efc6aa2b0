"""Identity of tracks: which of them show one person."""

import numpy as np
import pytest

from unmask.preprocessing.faces.identities import VIEWS, IdentityMatcher
from unmask.records import FaceTrack, PersonFeatures

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
POINTS = np.random.default_rng(0).uniform(70, 150, (68, 2)).astype(np.float32)


class ByColour:
    """Embeds a face by its mean colour; counts its calls."""

    calls = 0

    def __call__(self, face):
        self.calls += 1
        colour = face.reshape(-1, 3).mean(axis=0) - 64
        return (colour / np.linalg.norm(colour)).astype(np.float32)


def make_track(number, colour, start_s, end_s, shot=0):
    times = np.arange(start_s, end_s - 0.01, 0.2)
    count = len(times)
    boxes = np.tile(np.float32([0, 0, 100, 100]), (count, 1))
    points = np.tile(POINTS, (count, 1, 1))
    pose, shots = np.zeros((count, 3), np.float32), np.full(count, shot)
    track = FaceTrack(number, times, boxes, points, pose, shots)
    return PersonFeatures(track, np.full((count, 224, 224, 3), colour, np.uint8), None, points)


def people_of(*tracks):
    return IdentityMatcher(ByColour()).number_tracks(tracks)


def test_person_keeps_the_number_across_cuts_and_others_get_new_ones():
    tracks = [
        make_track(0, RED, 0, 1, shot=0),
        make_track(1, GREEN, 1, 2, shot=1),
        make_track(2, RED, 2, 3, shot=2),
        make_track(3, BLUE, 3, 4, shot=3),
        make_track(4, GREEN, 4, 5, shot=4),
    ]
    assert people_of(*tracks) == [0, 1, 0, 2, 1]


def test_numbers_follow_the_appearance_and_not_the_order_of_the_tracks():
    late, early = make_track(1, GREEN, 1, 2, shot=1), make_track(0, RED, 0, 1)
    assert people_of(late, early) == [1, 0]


def test_person_in_the_picture_is_nobody_else():
    """Two tracks of one shot are two people, however alike, as are twins or a mirror."""
    assert people_of(make_track(0, RED, 0, 4), make_track(1, RED, 2, 4)) == [0, 1]
    assert people_of(make_track(0, RED, 0, 1), make_track(1, RED, 2, 4)) == [0, 1]


def test_person_who_returns_after_a_long_absence_is_known():
    assert people_of(make_track(0, RED, 0, 1), make_track(1, RED, 9, 10)) == [0, 0]


def test_most_similar_faces_are_matched_where_several_appear_at_once():
    orange, reddish = (255, 120, 0), (255, 40, 0)
    first = [make_track(0, RED, 0, 1), make_track(1, (220, 160, 0), 0, 1)]
    second = [make_track(2, orange, 1, 2, shot=1), make_track(3, reddish, 1, 2, shot=1)]
    assert people_of(*first, *second) == [0, 1, 1, 0]


def test_nothing_is_embedded_until_somebody_could_be_known():
    embedder = ByColour()
    matcher = IdentityMatcher(embedder)
    matcher.number_tracks([make_track(0, RED, 0, 9), make_track(1, GREEN, 0, 9)])
    assert embedder.calls == 0
    matcher.number_tracks([make_track(2, RED, 9, 10, shot=1)])
    assert embedder.calls == 1 + 2 * VIEWS


def test_windows_give_the_numbers_of_the_whole():
    tracks = [
        make_track(0, RED, 0, 1.4, shot=0),
        make_track(1, GREEN, 0.6, 1.4, shot=0),
        make_track(2, GREEN, 1.4, 3, shot=1),
        make_track(3, RED, 2.2, 3, shot=1),
    ]
    matcher = IdentityMatcher(ByColour())
    seen = {}
    for edge_s in np.arange(0, 3, 0.4):
        window = []
        for features in tracks:
            track = features.track
            rows = (track.time_s >= edge_s - 1e-6) & (track.time_s < edge_s + 0.4 - 1e-6)
            if rows.any():
                window.append(make_part(features, rows))
        numbers = matcher.number_tracks(window)
        for features, person in zip(window, numbers, strict=True):
            assert seen.setdefault(features.track.person, person) == person
    assert [seen[number] for number in range(4)] == people_of(*tracks) == [0, 1, 1, 0]


def make_part(features, rows):
    old = features.track
    columns = (old.time_s, old.boxes_px, old.landmarks_px, old.pose_deg, old.shots)
    track = FaceTrack(old.person, *(column[rows] for column in columns))
    return PersonFeatures(track, features.faces[rows], None, features.landmarks[rows])


@pytest.mark.parametrize(("shot", "compared"), [(0, True), (1, False)])
def test_without_an_embedder_every_track_is_a_person_and_that_is_told(shot, compared):
    matcher = IdentityMatcher(None)
    tracks = [make_track(0, RED, 0, 1), make_track(1, RED, 1, 2, shot=shot)]
    assert matcher.number_tracks(tracks) == [0, 1]
    assert matcher.compared is compared
