import cv2
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


@pytest.mark.parametrize("angle", [0.0, np.pi / 6, -2.5])
def test_a_point_of_the_crop_is_found_again_in_the_image(angle):
    square = RotatedSquare(np.array([70.0, 60.0], np.float32), 40.0, angle)
    crop = np.array([0.3, 0.8])  # in sides of the region
    x, y = square.to_image(crop)
    image = np.zeros((120, 140), np.float32)
    image[round(y), round(x)] = 255
    rows, columns = np.nonzero(square.crop(image.astype(np.uint8), 160, cv2.BORDER_CONSTANT))
    assert (columns.mean() / 160, rows.mean() / 160) == pytest.approx(crop, abs=0.02)


def test_a_clockwise_region_turns_its_corner_clockwise():
    square = RotatedSquare(np.array([30.0, 40.0], np.float32), 20.0, np.pi / 2)
    assert square.to_image(np.array([0.0, 0.0])) == pytest.approx((40, 30))


def test_the_border_continues_the_image_as_asked():
    image = np.full((10, 10, 3), 200, np.uint8)
    square = RotatedSquare(np.array([5.0, 5.0], np.float32), 30.0, 0.0)
    assert square.crop(image, 30, cv2.BORDER_REPLICATE).min() == 200
    assert (square.crop(image, 30, cv2.BORDER_CONSTANT)[0] == 0).all()
