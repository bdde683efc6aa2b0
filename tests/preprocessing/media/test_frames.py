"""Decoding of timestamped, upright frames."""

import gc

import numpy as np
import pytest

from unmask.preprocessing.media import frames
from unmask.preprocessing.media.decode import decode_stream
from unmask.preprocessing.media.frames import iter_frames, iter_sampled_frames
from unmask.preprocessing.media.probe import probe


def shade(image):
    return int(np.median(image))


def grey(value, size=(48, 64)):
    return np.full((*size, 3), value, np.uint8)


def test_sampled_frames_are_those_shown_at_their_times(write_frames, tmp_path):
    path = write_frames(tmp_path / "a.mkv", [grey(5 * number) for number in range(30)])
    samples = [(round(time, 3), shade(image)) for time, image in iter_sampled_frames(path, 5.0)]
    assert samples == [(0.0, 0), (0.2, 25), (0.4, 50), (0.6, 75), (0.8, 100), (1.0, 125)]


def test_no_frame_stays_in_memory_behind_its_use(write_frames, tmp_path):
    av = pytest.importorskip("av")
    path = write_frames(tmp_path / "a.mkv", [grey(5 * number) for number in range(30)])

    def alive():
        # the type alone: asking some objects for their class raises warnings
        return sum(type(item) is av.VideoFrame for item in gc.get_objects())

    gc.collect()
    gc.disable()
    try:
        before = alive()
        assert sum(1 for _ in iter_frames(path)) == 30
        assert alive() <= before + 1
    finally:
        gc.enable()


def test_part_has_the_same_frames_as_the_whole_video(make_video, tmp_path):
    path = make_video(tmp_path / "a.mp4", seconds=6.0, size=(64, 48), face=False)
    whole = {round(time, 3): image for time, image in iter_sampled_frames(path, 5.0)}
    part = {
        round(t, 3): image for t, image in iter_sampled_frames(path, 5.0, start_s=2.5, end_s=4.1)
    }
    assert list(part) == [time for time in whole if 2.5 <= time < 4.1]
    assert all(np.array_equal(part[time], whole[time]) for time in part)


def test_rotated_video_is_decoded_upright(make_video, tmp_path):
    upright = make_video(tmp_path / "a.mp4", size=(320, 240))
    turned = make_video(tmp_path / "b.mp4", size=(320, 240), rotated=True)
    info = probe(turned)
    assert (info.width, info.height, info.rotation_deg) == (320, 240, 90)
    assert probe(upright).rotation_deg == 0
    for (_, expected), (_, rotated) in zip(
        iter_sampled_frames(upright, 5.0), iter_sampled_frames(turned, 5.0), strict=True
    ):
        assert np.abs(expected.astype(int) - rotated).mean() < 4


@pytest.mark.parametrize("size", [(35, 51), (1, 1), (225, 17)])
def test_odd_frame_sizes_are_kept(write_frames, tmp_path, size):
    rng = np.random.default_rng(1)
    image = rng.integers(0, 255, (*size, 3)).astype(np.uint8)
    path = write_frames(tmp_path / "a.mkv", [image] * 2)
    assert (probe(path).height, probe(path).width) == size
    assert np.array_equal(next(iter_sampled_frames(path, 5.0))[1], image)


def test_on_frame_is_called_for_every_decoded_frame(make_video, tmp_path):
    path, calls = make_video(tmp_path / "a.mp4", audio=False), []
    sampled = iter_sampled_frames(path, 5.0, on_frame=lambda time_s, _: calls.append(time_s))
    assert len(list(sampled)) == 5
    assert calls == [time_s for time_s, _ in iter_frames(path)]
    assert len(calls) == 25


def test_frame_without_a_time_follows_the_last_one(make_video, tmp_path, monkeypatch):
    path = make_video(tmp_path / "a.mp4", seconds=0.4)
    expected = [time_s for time_s, _ in iter_frames(path)]

    def forget_some_times(*arguments):
        for number, frame in enumerate(decode_stream(*arguments)):
            if number in (0, 3, 4):
                frame.pts = None
            yield frame

    monkeypatch.setattr(frames, "decode_stream", forget_some_times)
    assert [time_s for time_s, _ in iter_frames(path)] == pytest.approx(expected)
