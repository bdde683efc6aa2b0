"""Clips that every preprocessing stage could prepare."""

import pytest

from steps.platforms.feature_cache import select_usable
from tests.factories import make_clip
from unmask.errors import DataError
from unmask.preprocessing.run_batch import FileReport, PreprocessReport

CLIPS = tuple(make_clip(clip_id=str(number)) for number in range(20))


def report(**errors):
    files = [FileReport(clip.clip_id, error=errors.get(f"c{clip.clip_id}")) for clip in CLIPS]
    return PreprocessReport(tuple(files), total=None)


def test_clips_that_a_stage_failed_on_are_left_out_with_the_first_reason(caplog):
    reports = (report(c3="no frames"), report(c3="no faces", c5="no sound"))
    usable, skipped = select_usable(CLIPS, {"x.mp4": "is empty"}, reports)
    assert [clip.clip_id for clip in usable] == [str(n) for n in range(20) if n not in (3, 5)]
    assert skipped == {"x.mp4": "is empty", "3": "no frames", "5": "no sound"}
    assert "3 of 21 clips were left out" in caplog.text


def test_too_many_failures_end_the_run():
    with pytest.raises(DataError, match="3 of 20 clips cannot be used"):
        select_usable(CLIPS, {}, [report(c1="a", c2="b", c3="c")])
