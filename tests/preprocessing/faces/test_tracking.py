import numpy as np

from unmask.preprocessing.faces.detection import Face
from unmask.preprocessing.faces.tracking import Tracker


def face(x, y=100, side=50):
    return Face(np.float32([x, y, x + side, y + side]), np.zeros((68, 2), np.float32))


def test_people_keep_their_numbers_in_whatever_order_they_come():
    tracker, rng = Tracker(), np.random.default_rng(5)
    assert tracker.assign_ids(0.0, [face(0), face(200), face(400)]) == [0, 1, 2]
    for step in range(1, 20):
        order = rng.permutation(3)
        places = [face(200 * k + 6 * step) for k in order]
        assert tracker.assign_ids(0.2 * step, places) == order.tolist()


def test_a_face_that_jumps_less_than_its_own_size_is_the_same_person():
    tracker = Tracker()
    assert tracker.assign_ids(0.0, [face(0)]) == [0]
    assert tracker.assign_ids(0.2, [face(40)]) == [0]


def test_a_face_elsewhere_is_somebody_new():
    tracker = Tracker()
    tracker.assign_ids(0.0, [face(0)])
    assert tracker.assign_ids(0.2, [face(300)]) == [1]


def test_who_is_hidden_for_a_moment_comes_back_as_the_same():
    tracker = Tracker()
    tracker.assign_ids(0.0, [face(0), face(200)])
    tracker.assign_ids(1.0, [face(200)])
    assert tracker.assign_ids(2.0, [face(200), face(5)]) == [1, 0]


def test_who_was_away_for_long_is_somebody_new():
    tracker = Tracker()
    tracker.assign_ids(0.0, [face(0)])
    assert tracker.assign_ids(60.0, [face(0)]) == [1]


def test_a_new_face_beside_a_known_one_does_not_take_its_number():
    tracker = Tracker()
    tracker.assign_ids(0.0, [face(100)])
    assert tracker.assign_ids(0.2, [face(60), face(102)]) == [1, 0]


def test_newcomers_are_looked_for_once_a_second_and_at_once_in_the_beginning():
    tracker = Tracker()
    due = [tracker.should_detect(tick / 5) for tick in range(11)]
    assert [tick for tick, wanted in enumerate(due) if wanted] == [0, 5, 10]


def test_only_faces_of_a_moment_ago_are_known():
    tracker = Tracker()
    tracker.assign_ids(0.0, [face(0)])
    assert len(tracker.recent_faces(0.2)) == 1
    assert tracker.recent_faces(2.0) == []
