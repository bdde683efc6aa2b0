"""Percent grows with the work and never goes back."""

import pytest

from unmask.serving.progress import ProgressTimer


@pytest.mark.parametrize("windows", [1, 4])
def test_percent_grows_to_the_end_over_all_windows(windows):
    told = []
    watch = ProgressTimer(lambda stage, percent: told.append((stage, percent)))
    watch.set_total(30.0 * windows, 5.0, 30.0)
    for _ in range(windows):
        for _ in range(150):
            for stage in ("decode", "faces", "align"):
                with watch.on(stage):
                    pass
        for stage in ("flow", "frame_model", "voice_model", "frame_model"):
            with watch.on(stage):
                pass
    percents = [percent for _, percent in told]
    assert percents == sorted(percents)
    assert percents[0] < 2
    assert 85 < percents[-1] <= 99
    halfway = percents[len(percents) // 2]
    assert 25 < halfway < 75
    assert told[0][0] == "decode"
    assert watch.seconds["faces"] > 0


def test_a_header_that_lies_makes_no_percent_above_a_hundred():
    told = []
    watch = ProgressTimer(lambda _, percent: told.append(percent))
    watch.set_total(0.0, 5.0, 30.0)
    for _ in range(50):
        for stage in ("faces", "voice_model"):
            with watch.on(stage):
                pass
    assert max(told) <= 99
