"""Time and memory are charged to the right stage."""

import pytest
import torch
from torch import nn

from tests.factories import wait_until
from unmask.models.scoring_bundle import NetworkCall
from unmask.preprocessing.timing import StageTimer
from unmask.serving.analyzer import Analyzer
from unmask.serving.profiling import (
    MIB,
    STAGES,
    MemoryTimer,
    attach_timer,
    high_water_mib,
    profile_analysis,
    use_timer,
)


def test_peak_memory_is_charged_to_the_stage_at_work():
    resident_mib = [0]
    timer = MemoryTimer(lambda: resident_mib[0] * MIB)

    def sample(mib):
        resident_mib[0] = mib
        timer.sample()

    sample(50)
    with timer.measure("faces"):
        sample(100)
        sample(90)
        with timer.measure("flow"):
            sample(300)
        sample(120)
    sample(80)
    assert dict(timer.peak_mib) == {"rest": 80, "faces": 120, "flow": 300}


def test_sample_taken_while_the_stage_changes_is_discarded():
    def change_stage():
        timer.stage = "flow"
        return 500 * MIB

    timer = MemoryTimer(change_stage)
    timer.sample()
    assert dict(timer.peak_mib) == {}


def test_sampling_thread_reads_the_memory_of_this_process():
    timer = MemoryTimer()
    with timer.sampling(), timer.measure("faces"):
        wait_until(lambda: timer.peak_mib["faces"])
    assert 1 < timer.peak_mib["faces"] <= high_water_mib() + 1


def test_attached_method_counts_once_per_call_to_the_timer_in_use():
    class CountingTimer(StageTimer):
        calls = 0

        def measure(self, stage):
            self.calls += 1
            return super().measure(stage)

    layer, timer = nn.Linear(2, 2), CountingTimer()
    for _ in range(3):  # attaching again has no effect
        attach_timer(NetworkCall("frame_model", layer, "forward"))
    layer(torch.zeros(1, 2))
    assert timer.calls == 0
    with use_timer(timer):
        layer(torch.zeros(1, 2))
        layer(torch.zeros(1, 2))
    layer(torch.zeros(1, 2))
    assert timer.calls == 2
    assert timer.seconds["frame_model"] > 0


def test_costs_of_the_stages_add_up_to_the_whole(bundle_folder, make_video, tmp_path):
    costs = profile_analysis(
        Analyzer.load(bundle_folder), make_video(tmp_path / "a.mp4", seconds=2.0)
    )
    assert list(costs) == [*STAGES, "rest", "analyze"]
    total = costs.pop("analyze")
    assert sum(cost.seconds for cost in costs.values()) == pytest.approx(total.seconds, rel=0.01)
    assert total.real_time_factor == pytest.approx(2.0 / total.seconds, rel=0.05)
    assert total.peak_mib >= max(cost.peak_mib for cost in costs.values())
