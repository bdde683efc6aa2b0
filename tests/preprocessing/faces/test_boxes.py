"""Overlap of boxes."""

import numpy as np
import pytest

from unmask.preprocessing.faces.boxes import iou, overlap

FIRST, SECOND = np.float32([0, 0, 4, 4]), np.float32([2, 2, 6, 6])


def test_iou_is_intersection_over_union():
    assert iou(FIRST, SECOND) == pytest.approx(4 / 28)
    assert iou(FIRST, FIRST) == 1.0
    assert iou(FIRST, FIRST + 10) == 0.0


def test_overlap_is_the_share_of_the_smaller_box():
    assert overlap(FIRST, SECOND) == pytest.approx(4 / 16)
    assert overlap(FIRST, np.float32([1, 1, 2, 2])) == 1.0
