import numpy as np
import pytest

from unmask.data.forgeries.lower_face import (
    MIN_ROWS,
    move_mouth,
    replace_lower_faces,
    sample_lower_face,
    sample_moment,
)
from unmask.data.forgeries.mouth import mouth_opening


@pytest.mark.parametrize("total", [MIN_ROWS, 9, 40])
def test_the_other_moment_is_at_least_two_frames_away(total, rng):
    rows = range(1, 4)
    shifts = set()
    for _ in range(200):
        moment = sample_moment(rows, total, rng)
        assert all(0 <= row < total for row in moment)
        steps = [(other - row) % total for row, other in zip(rows, moment, strict=True)]
        assert len(set(steps)) == 1
        shifts.add(steps[0])
    assert (min(shifts), max(shifts)) == (2, total - 2)


def opposite_frames(person):
    """The frames with the mouth closed most and opened most."""
    opening = mouth_opening(person.landmarks)
    return int(opening.argmin()), int(opening.argmax())


def test_a_moved_mouth_keeps_the_donors_opening_at_the_targets_place(pair):
    person = pair[0]
    closed, opened = opposite_frames(person)
    frame, points = person.frames[closed], person.landmarks[closed]
    moved = move_mouth(person.frames[opened], person.landmarks[opened], points, frame.shape[:2])
    inner = person.landmarks[opened][60:68]
    pose = points[27:48].mean(axis=0) - person.landmarks[opened][27:48].mean(axis=0)
    x, y = (inner.mean(axis=0) + pose).round().astype(int)
    donor_x, donor_y = inner.mean(axis=0).round().astype(int)
    around = np.s_[-3:4, -3:4]
    ys, xs = np.mgrid[around]
    expected = person.frames[opened][donor_y + ys, donor_x + xs].mean()
    assert moved[y + ys, x + xs].mean() == pytest.approx(expected, abs=12)
    assert abs(frame[y + ys, x + xs].mean() - expected) > 12  # the closed mouth looks different


def test_only_the_lower_face_changes(pair, rng):
    person = pair[0]
    closed, opened = opposite_frames(person)
    frame, points = person.frames[closed], person.landmarks[closed]
    donors = [person.frames[opened]], person.landmarks[opened][None]
    params = sample_lower_face(rng, change_source=False)
    (replaced,) = replace_lower_faces([frame], points[None], donors, params)
    changed = (replaced != frame).any(axis=2)
    assert changed[points[62:67, 1].astype(int), points[62:67, 0].astype(int)].any()
    rows, columns = np.nonzero(changed)
    assert rows.min() > points[30, 1]
    assert rows.max() < points[8, 1] + 0.2 * np.ptp(points[:, 1])
    assert points[0, 0] < columns.min() < columns.max() < points[16, 0]
