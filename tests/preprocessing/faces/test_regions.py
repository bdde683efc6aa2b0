import numpy as np
import pytest

from unmask.preprocessing.faces.regions import RotatedSquare


def test_square_around_a_box_is_rotated_like_the_eye_line():
    square = RotatedSquare.around((0, 0), (40, 20), (10, 10), (20, 20))
    assert square.centre == pytest.approx((20, 10))
    assert (square.side, square.angle) == pytest.approx((60, np.pi / 4))


def test_square_is_scaled_and_shifted_like_the_image():
    square = RotatedSquare(np.array([10.0, 20.0], np.float32), 8.0, 0.3)
    moved = square.scaled(2.0).shifted(np.array([5.0, 1.0], np.float32))
    assert moved.centre == pytest.approx((25, 41))
    assert (moved.side, moved.angle) == (16.0, 0.3)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_region_in_a_turned_image_is_mapped_back(quarters):
    image = np.zeros((40, 60), np.uint8)
    image[5:9, 20:24] = 255  # centre (22, 7)
    turned = np.rot90(image, quarters)
    rows, columns = np.nonzero(turned)
    square = RotatedSquare(np.float32([columns.mean() + 0.5, rows.mean() + 0.5]), 4.0, 0.0)
    for done in range(quarters, 0, -1):
        square = square.before_rot90(image.shape[1 if done % 2 else 0])
    assert square.centre == pytest.approx((22, 7))
    assert square.angle == pytest.approx(quarters * np.pi / 2)


def test_crop_matrix_maps_the_corners_of_the_region_to_those_of_the_crop():
    square = RotatedSquare(np.array([30.0, 40.0], np.float32), 20.0, np.pi / 6)
    across = 10 * np.array([np.cos(np.pi / 6), np.sin(np.pi / 6)])  # clockwise, as y points down
    down = np.array([-across[1], across[0]])
    corners = square.centre + np.array([-across - down, across - down, across + down])
    matrix = square.crop_matrix(192)
    assert corners @ matrix[:, :2].T + matrix[:, 2] == pytest.approx(
        np.array([[0, 0], [192, 0], [192, 192]]), abs=1e-9
    )
