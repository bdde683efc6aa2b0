"""Columns of the plot have the height of the sound and the colour of its importance."""

import cv2
import numpy as np
import pytest

from unmask.explainability.overlay import COLOUR_MAP
from unmask.explainability.top_moments import AudioExcerpt
from unmask.explainability.waveform_plot import (
    AXIS_PX,
    HEIGHT_PX,
    SILENCE_COLOUR,
    WIDTH_PX,
    draw_waveform,
)

MIDDLE = (HEIGHT_PX - AXIS_PX) // 2


@pytest.fixture
def excerpt(make_sound):
    """Two seconds from 10 s on: quiet, then loud."""
    samples = np.full(32_000, 0.1)
    samples[16_000:] = 0.8
    return AudioExcerpt(10.0, 0.5, 1.0, make_sound(samples))


def heights(plot):
    above_axis = plot[: HEIGHT_PX - AXIS_PX]
    return (above_axis > 0).any(axis=2).sum(axis=0)


def test_height_is_proportional_to_the_peak_amplitude(excerpt):
    plot = draw_waveform(excerpt, np.zeros(0), np.zeros(0))
    assert plot.shape == (HEIGHT_PX, WIDTH_PX, 3)
    columns = heights(plot)
    loud, quiet = columns[WIDTH_PX // 2 + 5 :], columns[: WIDTH_PX // 2 - 5]
    assert len(set(loud.tolist())) == len(set(quiet.tolist())) == 1
    assert (loud[0] - 1) / (quiet[0] - 1) == pytest.approx(8, rel=0.1)
    assert loud[0] > 0.9 * (HEIGHT_PX - AXIS_PX)


def test_bins_of_speech_are_coloured_by_importance_and_silence_is_grey(excerpt):
    begins_s, weights = np.array([10.0, 11.0]), np.array([1.0, 0.25])
    plot = draw_waveform(excerpt, begins_s, weights)
    for begin_s, weight in zip(begins_s, weights, strict=True):
        column = round((begin_s + 0.1 - 10.0) / 2.0 * WIDTH_PX)
        level = np.uint8([[round(255 * weight)]])
        blue_green_red = cv2.applyColorMap(level, COLOUR_MAP)[0, 0]
        assert plot[MIDDLE, column].tolist() == blue_green_red[::-1].tolist()
    silence = round(0.6 / 2.0 * WIDTH_PX)
    assert tuple(plot[MIDDLE, silence]) == SILENCE_COLOUR


def test_time_axis_has_ticks_at_round_times(excerpt):
    plot = draw_waveform(excerpt, np.zeros(0), np.zeros(0))
    row = plot[HEIGHT_PX - AXIS_PX + 2]
    ticks = np.flatnonzero((row == 255).all(axis=1))
    expected = [round(n * 0.5 / 2.0 * WIDTH_PX) for n in range(4)]
    assert set(expected) <= set(ticks.tolist())


def test_silent_excerpt_is_drawn_as_a_line(make_sound):
    plot = draw_waveform(
        AudioExcerpt(0.0, 0.5, 1.0, make_sound(np.zeros(16_000))), np.zeros(0), np.zeros(0)
    )
    assert set(heights(plot).tolist()) == {1}
