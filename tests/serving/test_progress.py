"""Progress increases with the work and never decreases."""

import pytest

from unmask.serving.progress import ProgressTimer


def run_stages(timer, stages):
    for stage in stages:
        with timer.measure(stage):
            pass


@pytest.mark.parametrize("windows", [1, 4])
def test_percentage_increases_to_the_end_over_all_windows(windows):
    calls = []
    timer = ProgressTimer(lambda stage, percent: calls.append((stage, percent)))
    timer.set_total(30.0 * windows, 5.0, 30.0)
    for _ in range(windows):
        run_stages(timer, ("decode", "faces", "align") * 150)
        run_stages(timer, ("flow", "frame_model", "voice_model", "frame_model"))
    percents = [percent for _, percent in calls]
    assert percents == sorted(percents)
    assert percents[0] < 2
    assert 85 < percents[-1] <= 99
    assert 25 < percents[len(percents) // 2] < 75
    assert calls[0][0] == "decode"
    assert timer.seconds["faces"] > 0


def test_wrong_duration_in_the_header_never_exceeds_99_percent():
    percents = []
    timer = ProgressTimer(lambda _, percent: percents.append(percent))
    timer.set_total(0.0, 5.0, 30.0)
    run_stages(timer, ("faces", "voice_model") * 50)
    assert max(percents) == 99
