"""Reading of single frames at given times."""

import numpy as np
import pytest

from unmask.errors import MediaError
from unmask.preprocessing.media import seek
from unmask.preprocessing.media.frames import iter_sampled_frames
from unmask.preprocessing.media.seek import read_frames_at

pytest.importorskip("av")


@pytest.mark.parametrize("rotated", [False, True])
def test_frames_equal_those_sampled_at_the_same_times(make_video, tmp_path, rotated):
    path = make_video(tmp_path / "a.mp4", seconds=3.0, audio=False, rotated=rotated)
    sampled = dict(iter_sampled_frames(path, 5.0))
    times_s = list(sampled)
    requested_s = [times_s[12], times_s[3], times_s[3], times_s[0]]
    frames = dict(read_frames_at(path, requested_s))
    assert set(frames) == set(requested_s)
    for time_s, image in frames.items():
        assert np.array_equal(image, sampled[time_s])


def test_distant_times_are_reached_by_seeking(make_video, tmp_path, monkeypatch):
    path = make_video(tmp_path / "a.mp4", times=np.arange(0, 60, 0.2), size=(96, 64), audio=False)
    sampled = dict(iter_sampled_frames(path, 5.0))
    decoded_s = []
    iter_frames = seek.iter_frames

    def counted(path, start_s):
        for time_s, frame in iter_frames(path, start_s):
            decoded_s.append(time_s)
            yield time_s, frame

    monkeypatch.setattr(seek, "iter_frames", counted)
    times_s = sorted(sampled)
    requested_s = [times_s[299], times_s[151], times_s[2]]
    frames = dict(read_frames_at(path, requested_s))
    assert all(np.array_equal(frames[time_s], sampled[time_s]) for time_s in requested_s)
    assert len(decoded_s) < len(times_s) - 60  # keyframes are 250 frames apart


def test_time_without_a_frame_yields_nothing(make_video, tmp_path):
    path = make_video(tmp_path / "a.mp4", seconds=1.0, audio=False)
    first = next(iter(dict(iter_sampled_frames(path, 5.0))))
    assert [time_s for time_s, _ in read_frames_at(path, [first, 0.37123, 40.0])] == [first]


def test_raw_stream_is_read_from_the_start(make_video, tmp_path):
    av = pytest.importorskip("av")
    whole, raw = (
        make_video(tmp_path / "a.mp4", seconds=8.0, audio=False),
        tmp_path / "a.h264",
    )
    with av.open(str(whole)) as source, av.open(str(raw), "w") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    sampled = dict(iter_sampled_frames(raw, 5.0))
    times_s = sorted(sampled)
    requested_s = [times_s[1], times_s[-4]]
    frames = dict(read_frames_at(raw, requested_s))
    assert set(frames) == set(requested_s)
    assert all(np.array_equal(frames[time_s], sampled[time_s]) for time_s in requested_s)


def test_missing_file_is_reported(tmp_path):
    with pytest.raises(MediaError, match="does not exist"):
        list(read_frames_at(tmp_path / "none.mp4", [0.0]))
