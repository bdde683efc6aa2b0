"""An excerpt has the frames of the full video, and its report the times of the full video."""

import itertools

import numpy as np
import pytest

from unmask.errors import MediaError
from unmask.preprocessing.media.audio import read_waveform
from unmask.preprocessing.media.frames import iter_sampled_frames
from unmask.preprocessing.media.probe import probe
from unmask.serving.report.schema import (
    Box,
    Evidence,
    LipSync,
    Person,
    Report,
    ScorePoint,
    Segment,
    SyncOffset,
    WaveformPeaks,
)
from unmask.serving.trimming import shift_report_times, trim


@pytest.fixture(scope="module")
def video(make_video, tmp_path_factory):
    return make_video(tmp_path_factory.mktemp("videos") / "a.mp4", seconds=3.0)


@pytest.mark.parametrize(("start_s", "end_s"), [(0.0, 1.0), (1.2, 2.0), (2.0, float("inf"))])
def test_excerpt_has_the_frames_of_the_video_at_the_same_times(video, tmp_path, start_s, end_s):
    excerpt = tmp_path / "excerpt.mkv"
    offset_s = trim(video, start_s, end_s, excerpt, "a.mp4")
    assert 0.0 <= offset_s <= start_s + 0.05
    full = {round(time_s, 2): picture for time_s, picture in iter_sampled_frames(video, 25.0)}
    cut = [(time_s + offset_s, picture) for time_s, picture in iter_sampled_frames(excerpt, 25.0)]
    assert cut[0][0] == pytest.approx(offset_s, abs=0.05)
    assert cut[-1][0] == pytest.approx(min(end_s, 3.0), abs=0.15)
    for time_s, picture in itertools.islice(cut, 0, None, 10):
        nearest = min(full, key=lambda known: abs(known - time_s))
        assert abs(nearest - time_s) < 0.02
        np.testing.assert_array_equal(picture, full[nearest])


def test_sound_of_the_excerpt_stays_in_sync(video, tmp_path):
    excerpt = tmp_path / "excerpt.mkv"
    offset_s = trim(video, 1.0, 2.5, excerpt, "a.mp4")
    cut, full = read_waveform(excerpt).samples, read_waveform(video).samples
    expected = full[round(offset_s * 16000) :][8000:16000]
    shifts = range(-800, 801, 40)
    correlation = [np.dot(cut[8000 + shift : 16000 + shift], expected) for shift in shifts]
    assert abs(list(shifts)[int(np.argmax(correlation))]) <= 640  # 40 ms


@pytest.mark.parametrize(("unknown", "kept"), [("video", "audio"), ("audio", "video")])
def test_stream_of_an_unknown_codec_is_left_out(
    make_video_of_unknown_codec, tmp_path, unknown, kept
):
    excerpt = tmp_path / "excerpt.mkv"
    trim(make_video_of_unknown_codec(tmp_path / "a.mkv", unknown), 0.0, 0.6, excerpt, "a.mkv")
    info = probe(excerpt)
    assert (info.has_video, info.has_audio) == (kept == "video", kept == "audio")


def test_time_range_beyond_the_end_is_refused(video, tmp_path):
    with pytest.raises(MediaError, match=r"a\.mp4: nothing to analyze from 50 s to 60 s"):
        trim(video, 50.0, 60.0, tmp_path / "excerpt.mkv", "a.mp4")


def test_every_time_in_the_report_is_shifted(report_fields):
    time = {"time_s": 0.4}
    point, offset = ScorePoint(**time, fake_probability=0.5), SyncOffset(**time, offset_ms=40.0)
    box = Box(**time, x=1.0, y=2.0, width=3.0, height=4.0)
    sync = LipSync(fake_probability=0.5, offset_ms=40.0, timeline=(point,), offsets=(offset,))
    person = Person(
        id=0, fake_probability=0.5, frames=1, timeline=(point,), lip_sync=sync, boxes=(box,)
    )
    peaks = WaveformPeaks(start_s=0.0, step_s=0.02, peaks=(0.5,))
    evidence = Evidence(
        kind="sound", person=None, time_s=0.4, description="d", importance=((0.4, 0.9), (0.6, 0.1))
    )
    segment = Segment(modality="audio", person=None, start_s=0.2, end_s=0.6, fake_probability=0.9)
    fields = {"people": (person,), "envelope": peaks, "evidence": (evidence,)}
    report = Report(**{**report_fields, **fields, "segments": (segment,)})
    shifted = shift_report_times(report, 10.0, report.media, "from 10 s")
    (person,) = shifted.people
    for points in (
        person.timeline,
        person.boxes,
        person.lip_sync.timeline,
        person.lip_sync.offsets,
        shifted.evidence,
    ):
        assert [point.time_s for point in points] == [10.4]
    assert shifted.evidence[0].importance == ((10.4, 0.9), (10.6, 0.1))
    assert (shifted.segments[0].start_s, shifted.segments[0].end_s) == (10.2, 10.6)
    assert (shifted.envelope.start_s, shifted.envelope.step_s) == (10.0, 0.02)
    assert shifted.notes[0] == "Only a part of the video was analyzed: from 10 s."
    assert person.boxes[0].model_dump(exclude={"time_s"}) == box.model_dump(exclude={"time_s"})
    assert person.lip_sync.offset_ms == person.lip_sync.offsets[0].offset_ms == 40.0
