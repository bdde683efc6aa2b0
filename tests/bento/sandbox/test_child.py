"""What the process that analyzes does with a task."""

import os
import subprocess
import sys
from dataclasses import asdict

import pytest

from bento.sandbox.channel import child_environment
from bento.sandbox.child import analyze
from bento.sandbox.runner import AnalysisTask, media_limits
from bento.settings import ServiceSettings
from unmask.config import PreprocessingSettings
from unmask.errors import MediaError


class Line:
    def say(self, **words):
        pass


class Watcher:
    """An analyzer that notes what it is given."""

    preprocessing = PreprocessingSettings()

    def analyze(self, path, evidence_dir=None, part_s=None, **_):
        self.path, self.evidence_dir, self.part_s = path, evidence_dir, part_s
        raise MediaError("seen")


@pytest.mark.parametrize("pictures", [False, True])
def test_a_part_is_cut_out_where_whoever_gave_the_task_cleans_up(film, tmp_path, pictures):
    video, folder = film(tmp_path / "talk.mp4"), tmp_path / "work"
    folder.mkdir()
    limits = media_limits(ServiceSettings())
    task = AnalysisTask(str(video), "talk.mp4", 0.2, 0.8, str(folder), pictures, limits)
    watcher = Watcher()
    with pytest.raises(MediaError, match="seen"):
        analyze(watcher, asdict(task), Line())
    assert folder in watcher.path.parents
    assert watcher.evidence_dir == (folder if pictures else None)
    assert list(folder.iterdir()) == []
    # the copy begins where a picture can be decoded alone; what comes before 0.2 s is not looked at
    assert watcher.part_s == pytest.approx((0.2, 0.8), abs=0.001)


@pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="only Linux has it")
def test_who_asks_goes_before_an_analysis():
    code = (
        "import os; from bento.sandbox.child import step_back; step_back(); "
        "print(os.nice(0), os.sched_getscheduler(0) == os.SCHED_IDLE)"
    )
    told = subprocess.run(
        [sys.executable, "-c", code],
        env=child_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.split() == ["19", "True"]
