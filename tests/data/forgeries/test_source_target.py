import colorsys

import numpy as np
import pytest

from unmask.data.forgeries.source_target import (
    MIN_SCALE,
    SHARPEN,
    SHARPEN_LIGHTNESS,
    SHIFT,
    SHRINKAGES,
    Appearance,
    Misalignment,
    change_appearance,
    misalignment_matrix,
    sample_appearance,
    sample_misalignment,
)

UNCHANGED = np.eye(3, 4)


def test_drawn_changes_cover_both_frequencies_and_keep_their_ranges(rng):
    drawn = [sample_appearance(rng) for _ in range(300)]
    assert {each.shrink for each in drawn} == {1, *SHRINKAGES}
    assert all((each.shrink > 1) != (each.sharpen > 0) for each in drawn)
    sharpened = [each for each in drawn if each.sharpen]
    for name, limits in (("sharpen", SHARPEN), ("lightness", SHARPEN_LIGHTNESS)):
        values = [getattr(each, name) for each in sharpened]
        assert (min(values), max(values)) == pytest.approx(limits, abs=0.02)
    shrunk = [each.shrink > 1 for each in drawn]
    assert np.mean(shrunk) == pytest.approx(0.5, abs=0.1)
    moved = [sample_misalignment(rng) for _ in range(300)]
    shifts, scales = (np.array([getattr(m, name) for m in moved]) for name in ("shift", "scale"))
    assert np.abs(shifts).max(axis=0) == pytest.approx(SHIFT, rel=0.05)
    assert scales.min(axis=0) == pytest.approx([MIN_SCALE] * 2, abs=0.005)
    assert scales.max(axis=0) == pytest.approx([1 / MIN_SCALE] * 2, abs=0.005)
    assert np.abs(np.corrcoef(scales.T)[0, 1]) < 0.2  # width and height apart


def test_grey_keeps_its_hue_and_a_colour_turns(rng):
    grey = np.full((4, 4, 3), 120, np.uint8)
    red = np.tile(np.uint8([170, 100, 90]), (4, 4, 1))
    hues = []
    for _ in range(40):
        appearance = sample_appearance(rng)
        linear = np.column_stack([appearance.colour[:, :3], np.zeros(3)])
        shade = change_appearance(grey, Appearance(linear))[0, 0].astype(int)
        assert np.ptp(shade) <= 1
        turned = change_appearance(red, Appearance(linear))[0, 0] / 255
        hue = colorsys.rgb_to_hsv(*turned)[0] * 360
        hues.append((hue + 180) % 360 - 180)
    assert 3 < np.ptp(hues) < 40


def test_shrinking_removes_fine_detail_and_sharpening_adds_contrast(rng):
    noise = rng.integers(60, 190, (64, 64, 3)).astype(np.uint8)
    assert np.array_equal(change_appearance(noise, Appearance(UNCHANGED)), noise)
    steps = [  # from a pixel to the next
        np.diff(change_appearance(noise, appearance).astype(float), axis=1).std()
        for appearance in (
            Appearance(UNCHANGED, shrink=4),
            Appearance(UNCHANGED, shrink=2),
            Appearance(UNCHANGED),
            Appearance(UNCHANGED, sharpen=0.3),
        )
    ]
    assert steps == sorted(steps)
    assert steps[0] < 0.5 * steps[2]


def test_resolution_is_reduced_without_smoothing():
    stripes = np.tile(np.uint8([0, 200])[None, :, None], (16, 8, 3))
    assert change_appearance(stripes, Appearance(UNCHANGED, shrink=2)).max() == 0


def test_sharpening_weighs_a_picture_of_raised_edges_and_other_lightness():
    spot = np.full((5, 5, 3), 100, np.uint8)
    spot[2, 2] = 110
    drawn = Appearance(UNCHANGED, sharpen=0.2, lightness=0.5)
    expected = np.full((5, 5), 0.8 * 100 + 0.2 * 0.5 * 100)
    expected[1:4, 1:4] -= 0.2 * 10  # the spot's neighbours lose its excess over them
    expected[2, 2] = 0.8 * 110 + 0.2 * (0.5 * 110 + 8 * 10)
    assert change_appearance(spot, drawn)[..., 1] == pytest.approx(expected, abs=0.5)
    flat = np.full((5, 5, 3), 100, np.uint8)
    assert np.array_equal(change_appearance(flat, Appearance(UNCHANGED, sharpen=0.5)), flat)


def test_the_source_moves_by_shares_of_the_face(rng):
    points = np.array([[100.0, 50.0], [300.0, 150.0]])
    matrix = misalignment_matrix(
        points, Misalignment(np.array([0.03, -0.01]), np.array([1.02, 0.96])), rng
    )
    centre = matrix[:, :2] @ (200, 100) + matrix[:, 2]
    assert centre == pytest.approx([200 + 0.03 * 200, 100 - 0.01 * 100])
    corner = matrix[:, :2] @ (300, 150) + matrix[:, 2]
    assert corner - centre == pytest.approx([1.02 * 100, 0.96 * 50])
