"""Shot boundaries between sampled frames."""

import numpy as np
import pytest

from unmask.preprocessing.faces.shots import ShotDetector


def boundaries(images):
    detector = ShotDetector()
    return [index for index, image in enumerate(images) if detector.starts_shot(image)]


def test_cut_between_two_pictures_is_found(astronaut, hopper):
    assert boundaries([astronaut] * 3 + [hopper] * 3 + [astronaut]) == [3, 6]


def test_cut_is_found_across_black_frames(astronaut, hopper):
    black = np.zeros_like(astronaut)
    assert boundaries([astronaut, black, black, hopper]) == [3]


@pytest.mark.parametrize("level", [0, 255])
def test_flash_or_black_frame_ends_no_shot(astronaut, level):
    plain = np.full_like(astronaut, level)
    assert boundaries([astronaut, plain, astronaut]) == []


def test_bright_frame_ends_no_shot(astronaut):
    bright = (astronaut * 0.4 + 150).astype(np.uint8)
    assert boundaries([astronaut, bright, astronaut]) == []


def test_fade_to_black_and_back_ends_no_shot(astronaut):
    faded = [(astronaut * share).astype(np.uint8) for share in (1, 0.6, 0.3, 0.1, 0, 0.2, 0.7, 1)]
    assert boundaries(faded) == []


def test_fast_pan_ends_no_shot(astronaut):
    wide = np.concatenate([astronaut, astronaut[:, ::-1]], axis=1)
    assert boundaries([wide[:, shift : shift + 512] for shift in range(0, 512, 50)]) == []
