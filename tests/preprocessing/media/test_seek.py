"""Frames fetched again are those that went by."""

import numpy as np
import pytest

from unmask.errors import MediaError
from unmask.preprocessing.media import seek
from unmask.preprocessing.media.decode import iter_sampled_frames
from unmask.preprocessing.media.seek import read_frames_at

pytest.importorskip("av")


@pytest.mark.parametrize("turned", [False, True])
def test_each_wanted_frame_is_the_one_that_was_sampled(film, tmp_path, turned):
    path = film(tmp_path / "film.mp4", seconds=3.0, sound=False, turned=turned)
    sampled = dict(iter_sampled_frames(path, 5.0))
    times_s = list(sampled)
    wanted = [times_s[12], times_s[3], times_s[3], times_s[0]]
    found = dict(read_frames_at(path, wanted))
    assert set(found) == set(wanted)
    for time_s, picture in found.items():
        assert np.array_equal(picture, sampled[time_s])


def test_far_moments_are_jumped_to(film, tmp_path, monkeypatch):
    path = film(tmp_path / "film.mp4", times=np.arange(0, 60, 0.2), size=(96, 64), sound=False)
    sampled = dict(iter_sampled_frames(path, 5.0))
    decoded = []
    everything = seek.iter_frames

    def counted(path, start_s):
        for time_s, frame in everything(path, start_s):
            decoded.append(time_s)
            yield time_s, frame

    monkeypatch.setattr(seek, "every_frame", counted)
    times_s = sorted(sampled)
    wanted = [times_s[299], times_s[151], times_s[2]]
    found = dict(read_frames_at(path, wanted))
    assert all(np.array_equal(found[time_s], sampled[time_s]) for time_s in wanted)
    assert len(decoded) < len(times_s) - 60  # keyframes lie 250 frames apart


def test_a_moment_that_is_not_shown_gives_nothing(film, tmp_path):
    path = film(tmp_path / "film.mp4", seconds=1.0, sound=False)
    first = next(iter(dict(iter_sampled_frames(path, 5.0))))
    assert [time_s for time_s, _ in read_frames_at(path, [first, 0.37123, 40.0])] == [first]


def test_a_raw_stream_without_times_is_read_from_its_beginning(film, tmp_path):
    av = pytest.importorskip("av")
    whole, raw = film(tmp_path / "film.mp4", seconds=8.0, sound=False), tmp_path / "film.h264"
    with av.open(str(whole)) as source, av.open(str(raw), "w") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    sampled = dict(iter_sampled_frames(raw, 5.0))
    times_s = sorted(sampled)
    wanted = [times_s[1], times_s[-4]]
    found = dict(read_frames_at(raw, wanted))
    assert set(found) == set(wanted)
    assert all(np.array_equal(found[time_s], sampled[time_s]) for time_s in wanted)


def test_a_missing_file_is_said_so(tmp_path):
    with pytest.raises(MediaError, match="does not exist"):
        list(read_frames_at(tmp_path / "none.mp4", [0.0]))
