import numpy as np
import pytest

from unmask.data.image_warp import warp, warp_region

CORNERS = np.array([(0, 0), (119, 0), (0, 119), (119, 119)], dtype=float)
MARKS = np.array([(40, 40), (80, 40), (60, 80)], dtype=float)


def dotted(points):
    picture = np.zeros((120, 120, 3), np.uint8)
    for x, y in points.astype(int):
        picture[y - 3 : y + 4, x - 3 : x + 4] = 255
    return picture


def centre_of_light(picture, near, reach=12):
    x, y = near.astype(int)
    part = picture[y - reach : y + reach + 1, x - reach : x + reach + 1, 0].astype(float)
    rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    return near + np.array([(part * columns).sum(), (part * rows).sum()]) / part.sum()


def test_marked_points_come_to_lie_where_they_are_sent():
    there = MARKS + np.array([(5, -4), (-6, 3), (2, 7)])
    moved = warp(dotted(MARKS), np.vstack([MARKS, CORNERS]), np.vstack([there, CORNERS]))
    for wanted in there:
        # 5 to 8 px of movement; the dots themselves are bent a little
        assert centre_of_light(moved, wanted) == pytest.approx(wanted, abs=1.5)


def test_points_that_stay_leave_the_picture_as_it_is():
    rows, columns = np.mgrid[:120, :120]
    picture = np.stack([rows, columns, rows + columns], axis=-1).astype(np.uint8)
    points = np.vstack([MARKS, CORNERS])
    assert np.abs(warp(picture, points, points).astype(int) - picture).max() <= 1


def test_a_turned_and_enlarged_constellation_is_the_affine_map(rng):
    # the exact answer: radial functions with an affine part reproduce affine maps
    angle, scale = np.radians(12), 1.1
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = np.array([60.0, 60.0])
    there = (MARKS - middle) @ turn.T + middle
    moved = warp(dotted(MARKS), np.vstack([MARKS, [middle]]), np.vstack([there, [middle]]))
    for wanted in there:
        assert centre_of_light(moved, wanted) == pytest.approx(wanted, abs=1.0)


def test_outside_the_region_nothing_changes(rng):
    picture = rng.integers(0, 256, (200, 200, 3), dtype=np.uint8)
    there = MARKS + 3
    moved = warp_region(picture, MARKS, there, picture.shape[:2])
    low, high = there.min(0) - 10, there.max(0) + 10
    outside = np.ones((200, 200), bool)
    outside[int(low[1]) : int(high[1]) + 1, int(low[0]) : int(high[0]) + 1] = False
    assert np.array_equal(moved[outside], picture[outside])
    assert not np.array_equal(moved, picture)
