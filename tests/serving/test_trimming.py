"""A part of a video is the same pictures, and its report is on the clock of the whole."""

import itertools

import numpy as np
import pytest

from unmask.errors import MediaError
from unmask.preprocessing.media.decode import iter_sampled_frames, probe, read_waveform
from unmask.serving.report.schema import (
    Box,
    LipSync,
    Person,
    Report,
    ScorePoint,
    SyncOffset,
    WaveformPeaks,
)
from unmask.serving.trimming import shift_report_times, trim


@pytest.fixture(scope="module")
def video(film, tmp_path_factory):
    return film(tmp_path_factory.mktemp("films") / "a.mp4", seconds=3.0)


@pytest.mark.parametrize(("start_s", "end_s"), [(0.0, 1.0), (1.2, 2.0), (2.0, float("inf"))])
def test_its_pictures_are_those_of_the_whole_at_the_same_time(video, tmp_path, start_s, end_s):
    part = tmp_path / "part.mkv"
    begin_s = trim(video, start_s, end_s, part, "a.mp4")
    assert 0.0 <= begin_s <= start_s + 0.05
    whole = {round(time_s, 2): picture for time_s, picture in iter_sampled_frames(video, 25.0)}
    cut = [(time_s + begin_s, picture) for time_s, picture in iter_sampled_frames(part, 25.0)]
    assert cut[0][0] == pytest.approx(begin_s, abs=0.05)
    assert cut[-1][0] == pytest.approx(min(end_s, 3.0), abs=0.15)
    for time_s, picture in itertools.islice(cut, 0, None, 10):
        nearest = min(whole, key=lambda known: abs(known - time_s))
        assert abs(nearest - time_s) < 0.02
        np.testing.assert_array_equal(picture, whole[nearest])


def test_its_sound_stays_in_step(video, tmp_path):
    part = tmp_path / "part.mkv"
    begin_s = trim(video, 1.0, 2.5, part, "a.mp4")
    heard, whole = read_waveform(part).samples, read_waveform(video).samples
    start, middle = round(begin_s * 16000), slice(8000, 16000)
    there = whole[start:][middle]
    shifts = range(-800, 801, 40)
    alike = [np.dot(heard[8000 + by : 16000 + by], there) for by in shifts]
    assert abs(list(shifts)[int(np.argmax(alike))]) <= 640  # 40 ms


@pytest.mark.parametrize(("unknown", "left"), [("video", "audio"), ("audio", "video")])
def test_a_stream_of_an_unknown_codec_is_left_out(film_of_unknown, tmp_path, unknown, left):
    part = tmp_path / "part.mkv"
    trim(film_of_unknown(tmp_path / "a.mkv", unknown), 0.0, 0.6, part, "a.mkv")
    info = probe(part)
    assert (info.has_video, info.has_audio) == (left == "video", left == "audio")


def test_a_part_behind_the_end_is_refused(video, tmp_path):
    with pytest.raises(MediaError, match=r"a\.mp4"):
        trim(video, 50.0, 60.0, tmp_path / "part.mkv", "a.mp4")


def test_whatever_has_a_time_moves_to_the_clock_of_the_whole(values):
    at = {"time_s": 0.4}
    moment, offset = ScorePoint(**at, fake_probability=0.5), SyncOffset(**at, offset_ms=40.0)
    box = Box(**at, x=1.0, y=2.0, width=3.0, height=4.0)
    sync = LipSync(fake_probability=0.5, offset_ms=40.0, timeline=(moment,), offsets=(offset,))
    person = Person(
        id=0, fake_probability=0.5, frames=1, timeline=(moment,), lip_sync=sync, boxes=(box,)
    )
    sound = WaveformPeaks(start_s=0.0, step_s=0.02, peaks=(0.5,))
    report = Report(**{**values, "people": (person,), "envelope": sound})
    moved = shift_report_times(report, 10.0, report.media, "from 10 s")
    (person,) = moved.people
    for part in (person.timeline, person.boxes, person.lip_sync.timeline, person.lip_sync.offsets):
        assert [one.time_s for one in part] == [10.4]
    assert (moved.envelope.start_s, moved.envelope.step_s) == (10.0, 0.02)
    assert person.boxes[0].model_dump(exclude={"time_s"}) == box.model_dump(exclude={"time_s"})
    assert person.lip_sync.offset_ms == person.lip_sync.offsets[0].offset_ms == 40.0
