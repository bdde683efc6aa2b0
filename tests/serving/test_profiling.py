"""The bench's numbers agree with what can be known beforehand."""

import mmap
import time

import numpy as np
import pytest

from unmask.serving.analyzer import STAGES, Analyzer
from unmask.serving.profiling import MemoryTimer, high_water_mib, profile_analysis


def test_memory_is_charged_to_the_stage_that_held_it():
    watch = MemoryTimer()
    with watch.sampling(), watch.on("small"):
        time.sleep(0.05)
        # straight from the system: malloc may hand out what earlier tests have freed
        with watch.on("large"), mmap.mmap(-1, 200 * 2**20) as held:
            np.frombuffer(held, np.uint8)[:: mmap.PAGESIZE] = 1
            time.sleep(0.05)
        time.sleep(0.05)
    assert watch.peak_mib["large"] - watch.peak_mib["small"] == pytest.approx(200, abs=60)
    assert high_water_mib() > watch.peak_mib["large"] - 1


def test_the_whole_is_the_sum_of_its_stages(bundle_folder, film, tmp_path):
    costs = profile_analysis(Analyzer.load(bundle_folder), film(tmp_path / "a.mp4", seconds=2.0))
    assert list(costs) == [*STAGES, "rest", "analyze"]
    whole = costs.pop("analyze")
    assert sum(cost.seconds for cost in costs.values()) == pytest.approx(whole.seconds, rel=0.01)
    assert whole.real_time_factor == pytest.approx(2.0 / whole.seconds, rel=0.05)
    assert whole.peak_mib >= max(cost.peak_mib for cost in costs.values())
