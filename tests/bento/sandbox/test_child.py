"""Tasks in the sandboxed child process."""

import os
import subprocess
import sys

import pytest

from bento.sandbox.channel import child_environment
from bento.sandbox.child import analyze, prepare
from bento.sandbox.protocol import AnalysisTask
from bento.sandbox.runner import media_limits
from bento.settings import ServiceSettings
from unmask.config import PreprocessingSettings
from unmask.errors import MediaError, WeightsError
from unmask.preprocessing.media.frames import iter_frames
from unmask.preprocessing.media.limits import MediaLimits, limit_decoding


class SilentChannel:
    def send(self, message):
        pass


class RecordingAnalyzer:
    """Records its arguments instead of analyzing."""

    preprocessing = PreprocessingSettings()

    def analyze(self, path, evidence_dir=None, time_range_s=None, **_):
        self.path, self.evidence_dir, self.time_range_s = path, evidence_dir, time_range_s
        raise MediaError("recorded")


@pytest.mark.parametrize("save_evidence", [False, True])
def test_part_is_analyzed_in_the_file_itself(make_video, tmp_path, save_evidence):
    video, folder = make_video(tmp_path / "talk.mp4"), tmp_path / "work"
    folder.mkdir()
    task = AnalysisTask(
        path=video,
        shown_as="talk.mp4",
        start_s=0.2,
        end_s=0.8,
        work_dir=folder,
        save_evidence=save_evidence,
        limits=media_limits(ServiceSettings()),
    )
    analyzer = RecordingAnalyzer()
    with pytest.raises(MediaError, match="recorded"):
        analyze(analyzer, task, SilentChannel())
    assert analyzer.path == video
    assert analyzer.evidence_dir == (folder if save_evidence else None)
    assert analyzer.time_range_s == (0.2, 0.8)


@pytest.mark.parametrize("save_evidence", [False, True])
def test_what_evidence_takes_is_loaded_for_evidence_alone(tmp_path, save_evidence):
    class CountingAnalyzer:
        prepared = 0

        def prepare_evidence(self):
            self.prepared += 1
            raise WeightsError("not fetched")  # the analysis says so

    analyzer, limits = CountingAnalyzer(), media_limits(ServiceSettings())
    task = AnalysisTask(
        path=tmp_path, shown_as="a", limits=limits, work_dir=tmp_path, save_evidence=save_evidence
    )
    prepare(analyzer, task)
    assert analyzer.prepared == save_evidence


def test_decoding_is_limited_as_the_task_says(make_video, tmp_path):
    class DecodingAnalyzer(RecordingAnalyzer):
        def analyze(self, path, **_):
            return [time_s for time_s, _ in iter_frames(path)]

    video = make_video(tmp_path / "talk.mp4", size=(64, 48), face=False, audio=False)
    task = AnalysisTask(path=video, shown_as="talk.mp4", limits=MediaLimits(pixels=64 * 48))
    assert len(analyze(DecodingAnalyzer(), task, SilentChannel())) == 25
    with (
        pytest.raises(MediaError, match="the limit is 20 frames"),
        limit_decoding(MediaLimits(frames=20)),
    ):
        list(iter_frames(video))


@pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="SCHED_IDLE exists on Linux only")
def test_child_runs_at_idle_priority():
    code = (
        "import os; from bento.sandbox.child import lower_priority; lower_priority(); "
        "print(os.nice(0), os.sched_getscheduler(0) == os.SCHED_IDLE)"
    )
    process = subprocess.run(
        [sys.executable, "-c", code],
        env=child_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert process.stdout.split() == ["19", "True"]
