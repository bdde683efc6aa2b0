import numpy as np
import pytest

from unmask.data.image_warp import warp, warp_region

CORNERS = np.array([(0, 0), (119, 0), (0, 119), (119, 119)], dtype=float)
MARKS = np.array([(40, 40), (80, 40), (60, 80)], dtype=float)


def draw_dots(points):
    image = np.zeros((120, 120, 3), np.uint8)
    for x, y in points.astype(int):
        image[y - 3 : y + 4, x - 3 : x + 4] = 255
    return image


def brightness_centroid(image, near, reach=12):
    x, y = near.astype(int)
    part = image[y - reach : y + reach + 1, x - reach : x + reach + 1, 0].astype(float)
    rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    return near + np.array([(part * columns).sum(), (part * rows).sum()]) / part.sum()


def test_warp_moves_source_points_to_target_points():
    target = MARKS + np.array([(5, -4), (-6, 3), (2, 7)])
    moved = warp(draw_dots(MARKS), np.vstack([MARKS, CORNERS]), np.vstack([target, CORNERS]))
    for point in target:
        # shifts of 5 to 8 px; the dots themselves are slightly deformed
        assert brightness_centroid(moved, point) == pytest.approx(point, abs=1.5)


def test_warp_with_equal_points_is_the_identity():
    rows, columns = np.mgrid[:120, :120]
    image = np.stack([rows, columns, rows + columns], axis=-1).astype(np.uint8)
    points = np.vstack([MARKS, CORNERS])
    assert np.abs(warp(image, points, points).astype(int) - image).max() <= 1


def test_rotated_and_scaled_points_give_the_affine_map():
    # exact: radial basis functions with an affine part reproduce affine maps
    angle, scale = np.radians(12), 1.1
    rotation = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = np.array([60.0, 60.0])
    target = (MARKS - middle) @ rotation.T + middle
    moved = warp(draw_dots(MARKS), np.vstack([MARKS, [middle]]), np.vstack([target, [middle]]))
    for point in target:
        assert brightness_centroid(moved, point) == pytest.approx(point, abs=1.0)


def test_warp_region_changes_nothing_outside_the_region(rng):
    image = rng.integers(0, 256, (200, 200, 3), dtype=np.uint8)
    target = MARKS + 3
    moved = warp_region(image, MARKS, target, image.shape[:2])
    low, high = target.min(0) - 10, target.max(0) + 10
    outside = np.ones((200, 200), bool)
    outside[int(low[1]) : int(high[1]) + 1, int(low[0]) : int(high[0]) + 1] = False
    assert np.array_equal(moved[outside], image[outside])
    assert not np.array_equal(moved, image)


def test_warp_region_into_another_size_is_black_outside_the_region(rng):
    image = rng.integers(1, 256, (120, 120, 3), dtype=np.uint8)
    moved = warp_region(image, MARKS, MARKS + 100, (300, 240))
    assert moved.shape == (300, 240, 3)
    assert not moved[:120].any()
    assert moved[150:170, 150:170].all()
