"""Association of faces with people."""

import numpy as np
import pytest

from unmask.preprocessing.faces.detection import Face
from unmask.preprocessing.faces.tracking import Tracker


def face(x, y=100, side=50):
    return Face(np.float32([x, y, x + side, y + side]), np.zeros((68, 2), np.float32))


def test_ids_do_not_depend_on_the_order_of_the_faces():
    tracker, rng = Tracker(), np.random.default_rng(5)
    assert tracker.assign_ids(0.0, [face(0), face(200), face(400)]) == [0, 1, 2]
    for step in range(1, 20):
        order = rng.permutation(3)
        faces = [face(200 * k + 6 * step) for k in order]
        assert tracker.assign_ids(0.2 * step, faces) == order.tolist()


def test_face_that_moves_less_than_its_size_keeps_its_id():
    tracker = Tracker()
    assert tracker.assign_ids(0.0, [face(0)]) == [0]
    assert tracker.assign_ids(0.2, [face(40)]) == [0]


def test_distant_face_gets_a_new_id():
    tracker = Tracker()
    tracker.assign_ids(0.0, [face(0)])
    assert tracker.assign_ids(0.2, [face(300)]) == [1]


def test_briefly_occluded_face_keeps_its_id():
    tracker = Tracker()
    tracker.assign_ids(0.0, [face(0), face(200)])
    tracker.assign_ids(1.0, [face(200)])
    assert tracker.assign_ids(2.0, [face(200), face(5)]) == [1, 0]


def test_face_that_returns_after_a_long_absence_gets_a_new_id():
    tracker = Tracker()
    tracker.assign_ids(0.0, [face(0)])
    assert tracker.assign_ids(60.0, [face(0)]) == [1]


def test_new_face_beside_a_tracked_one_does_not_take_its_id():
    tracker = Tracker()
    tracker.assign_ids(0.0, [face(100)])
    assert tracker.assign_ids(0.2, [face(60), face(102)]) == [1, 0]


@pytest.mark.parametrize(("is_seen", "every"), [(True, 5), (False, 10)])
def test_faces_are_searched_at_once_then_every_second_or_two_where_nobody_is(is_seen, every):
    tracker, due = Tracker(), []
    for tick in range(21):
        due.append(tracker.should_detect(tick / 5))
        tracker.assign_ids(tick / 5, [face(100)] if is_seen else [])
    assert [tick for tick, detect in enumerate(due) if detect] == list(range(0, 21, every))


def test_recent_faces_expire():
    tracker = Tracker()
    tracker.assign_ids(0.0, [face(0)])
    assert len(tracker.recent_faces(0.2)) == 1
    assert tracker.recent_faces(2.0) == []


def test_everybody_has_a_new_id_after_a_cut():
    tracker = Tracker()
    tracker.should_detect(0.0)
    tracker.assign_ids(0.0, [face(0), face(200)])
    tracker.end_tracks()
    assert tracker.recent_faces(0.2) == []
    assert tracker.should_detect(0.2)
    assert tracker.assign_ids(0.2, [face(200)]) == [2]
