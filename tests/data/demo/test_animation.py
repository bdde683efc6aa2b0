from dataclasses import replace

import numpy as np
import pytest

from unmask.data.demo.animation import Motion, paint_mouth, pose_points, render, sample_motion
from unmask.data.forgeries.mouth import mouth_opening


def still_motion(opening=0.0, **changes):
    """One frame in neutral position."""
    motion = Motion(
        pose_deg=np.zeros((1, 3)),
        shift_px=np.zeros((1, 2)),
        lids=np.zeros(1),
        gaze_px=np.zeros((1, 2)),
        opening=np.array([opening]),
    )
    return replace(motion, **changes)


def test_sampled_motion_keeps_the_opening_and_moves_smoothly(rng):
    opening = rng.random(100)
    motion = sample_motion(opening, rng)
    assert motion.opening is opening
    assert motion.pose_deg.shape == (100, 3)
    assert np.abs(np.diff(motion.pose_deg, axis=0)).max() < 3  # degrees per frame
    assert motion.lids.min() >= 0
    assert 0.9 < motion.lids.max() <= 1  # at least one blink


def test_neutral_motion_leaves_the_points_in_place(person):
    assert pose_points(person, still_motion(), 0) == pytest.approx(person.points[:, :2])


def test_shift_moves_all_points(person):
    moved = pose_points(person, still_motion(shift_px=np.array([[5.0, -3.0]])), 0)
    assert moved - person.points[:, :2] == pytest.approx(np.tile([5.0, -3.0], (78, 1)))


def test_roll_rotates_all_points_rigidly(person):
    rolled = pose_points(person, still_motion(pose_deg=np.array([[0.0, 0.0, 90.0]])), 0)
    centred = person.points[:, :2] - person.points[:, :2].mean(axis=0)
    expected = np.stack([-centred[:, 1], centred[:, 0]], axis=1)  # x to y, y to -x
    assert rolled - rolled.mean(axis=0) == pytest.approx(expected)


def test_opening_lowers_lip_and_chin_and_opens_the_mouth(person):
    openings = [
        mouth_opening(pose_points(person, still_motion(opening), 0)[None, :68])[0]
        for opening in (0.0, 0.5, 1.0)
    ]
    assert openings[0] < openings[1] < openings[2]


def test_shut_lids_lower_the_upper_lids_only(person):
    still, shut = (
        pose_points(person, still_motion(lids=np.array([lids])), 0) for lids in (0.0, 1.0)
    )
    moved = np.flatnonzero(np.abs(shut - still).max(axis=1) > 1e-9)
    assert moved.tolist() == [37, 38, 43, 44]
    assert (shut[moved, 1] > still[moved, 1]).all()


def test_painted_mouth_is_darker_inside_the_lips_and_unchanged_elsewhere(person):
    points = pose_points(person, still_motion(1.0), 0)
    painted = paint_mouth(person.image, points, 1.0)
    low, high = points[48:68].min(0) - 6, points[48:68].max(0) + 6
    outside = np.ones((256, 256), bool)
    outside[int(low[1]) : int(high[1]), int(low[0]) : int(high[0])] = False
    assert np.array_equal(painted[outside], person.image[outside])
    x, y = (points[66] - (0, 3)).astype(int)  # above the lower inner lip, below the teeth
    assert painted[y, x].mean() < 0.6 * person.image[y, x].mean()
    assert paint_mouth(person.image, points, 0.0) is person.image


def test_rendered_neutral_frame_is_the_portrait(person):
    frame = render(replace(person, glasses=None), still_motion(), 0)
    assert frame.shape == (256, 256, 3)
    assert np.abs(frame.astype(int) - person.image).mean() < 0.5  # the warp interpolates


def test_glasses_are_drawn_around_the_eyes(person):
    plain, glasses = (
        render(replace(person, glasses=colour), still_motion(), 0) for colour in (None, (9, 9, 9))
    )
    rows, columns = np.nonzero((plain != glasses).any(axis=2))
    eyes = person.points[36:48, :2]
    assert abs(rows.mean() - eyes[:, 1].mean()) < 5
    assert columns.min() < eyes[:, 0].min() < eyes[:, 0].max() < columns.max()
