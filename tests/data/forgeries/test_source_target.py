import colorsys

import numpy as np
import pytest

from unmask.data.forgeries.source_target import (
    MIN_SCALE,
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
    deviations = [
        change_appearance(noise, appearance).std()
        for appearance in (
            Appearance(UNCHANGED, shrink=4),
            Appearance(UNCHANGED, shrink=2),
            Appearance(UNCHANGED),
            Appearance(UNCHANGED, sharpen=0.3),
        )
    ]
    assert deviations == sorted(deviations)
    assert deviations[0] < 0.5 * deviations[2]


def test_the_source_moves_by_shares_of_the_face(rng):
    points = np.array([[100.0, 50.0], [300.0, 150.0]])
    matrix = misalignment_matrix(
        points, Misalignment(np.array([0.03, -0.01]), np.array([1.02, 0.96])), rng
    )
    centre = matrix[:, :2] @ (200, 100) + matrix[:, 2]
    assert centre == pytest.approx([200 + 0.03 * 200, 100 - 0.01 * 100])
    corner = matrix[:, :2] @ (300, 150) + matrix[:, 2]
    assert corner - centre == pytest.approx([1.02 * 100, 0.96 * 50])
