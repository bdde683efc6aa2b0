"""Features of a person from those of the person's tracks."""

import numpy as np
import pytest

from unmask.models.lipsync.scoring import contiguous_runs
from unmask.preprocessing.faces.merged_tracks import merge_tracks
from unmask.records import FaceTrack, MouthCrops, PersonFeatures


def make_track(number, times_s, shot=0, side=10.0, mouths_s=None):
    count = len(times_s)
    boxes = np.tile(np.float32([0, 0, side, side]), (count, 1))
    points, pose = np.zeros((count, 68, 2), np.float32), np.zeros((count, 3), np.float32)
    track = FaceTrack(number, np.array(times_s), boxes, points, pose, np.full(count, shot))
    faces = np.full((count, 8, 8, 3), number, np.uint8)
    flow = np.full((count, 2, 8, 8), number, np.int8)
    lips = None
    if mouths_s is not None:
        ticks = len(mouths_s)
        opening = np.zeros(ticks, np.float32)
        images = np.full((ticks, 4, 4), number, np.uint8)
        lips = MouthCrops(images, np.array(mouths_s), opening, 25.0)
    return PersonFeatures(track, faces, flow, points, lips)


def test_tracks_of_a_person_are_joined_in_order_of_time():
    later, earlier = make_track(4, [1.0, 1.2], shot=3), make_track(2, [0.0, 0.2, 0.4], shot=1)
    (person,) = merge_tracks([later, earlier], [0, 0])
    assert person.track.person == 0
    assert person.track.time_s.tolist() == [0.0, 0.2, 0.4, 1.0, 1.2]
    assert person.track.shots.tolist() == [1, 1, 1, 3, 3]
    assert person.faces[:, 0, 0, 0].tolist() == [2, 2, 2, 4, 4]
    assert person.flow[:, 0, 0, 0].tolist() == [2, 2, 2, 4, 4]
    assert person.lips is None


def test_single_track_keeps_its_arrays_and_gets_the_number_of_the_person():
    track = make_track(7, [0.0, 0.2])
    (person,) = merge_tracks([track], [1])
    assert person.track.person == 1
    assert person.faces is track.faces


def test_people_are_sorted_by_their_presence_in_all_tracks():
    tracks = [
        make_track(0, [0.0, 0.2, 0.4]),
        make_track(1, [1.0, 1.2], shot=1),
        make_track(2, [2.0, 2.2], shot=2),
    ]
    people = merge_tracks(tracks, [0, 1, 1])
    assert [person.track.person for person in people] == [1, 0]


@pytest.mark.parametrize(("start_s", "dropped"), [(0.8, 1), (0.84, 0), (1.2, 0)])
def test_lip_sync_sees_a_break_between_the_mouths_of_two_tracks(start_s, dropped):
    before, after = np.arange(20) / 25, start_s + np.arange(20) / 25
    tracks = [
        make_track(0, [0.0], mouths_s=before),
        make_track(1, [start_s], shot=1, mouths_s=after),
    ]
    (person,) = merge_tracks(tracks, [0, 0])
    lips = person.lips
    assert lips.mouths[:, 0, 0].tolist() == [0] * 20 + [1] * (20 - dropped)
    runs = contiguous_runs(np.rint(lips.time_s * 25).astype(int))
    assert [len({*lips.mouths[run, 0, 0].tolist()}) for run in runs] == [1, 1]


def test_track_without_mouths_joins_one_with():
    tracks = [
        make_track(0, [0.0], mouths_s=np.arange(5) / 25),
        make_track(1, [3.0], shot=1, mouths_s=np.zeros(0)),
    ]
    (person,) = merge_tracks(tracks, [0, 0])
    assert len(person.lips.mouths) == 5
