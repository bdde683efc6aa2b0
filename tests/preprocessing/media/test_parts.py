"""Parts of a video have exactly its pictures, however far apart its key frames are."""

import numpy as np
import pytest

from unmask.errors import MediaError
from unmask.preprocessing.media.colour import luma
from unmask.preprocessing.media.frames import iter_frames, iter_sampled_frames
from unmask.preprocessing.media.limits import MediaLimits, limit_decoding
from unmask.preprocessing.media.missing_pictures import missing_picture_s
from unmask.preprocessing.media.probe import probe
from unmask.preprocessing.media.seek import read_frames_at

CONTAINERS = [
    ("mp4", "libx264", "aac", None),
    ("mkv", "libx264", "aac", None),
    ("ts", "libx264", "aac", None),
    ("flv", "libx264", "aac", None),
    ("3gp", "libx264", "aac", None),
    ("avi", "libx264", "mp2", None),
    ("avi", "mpeg4", "mp2", None),
    ("webm", "libvpx", "libopus", None),
    ("ogv", "libvpx", "libopus", "ogg"),
    ("wmv", "wmv2", "mp2", "asf"),
    ("mpg", "mpeg2video", "mp2", None),
    ("h264", "libx264", None, None),
]


@pytest.mark.parametrize(("suffix", "codec", "sound", "container"), CONTAINERS)
def test_part_and_single_frames_are_those_of_the_whole(
    write_clip, tmp_path, suffix, codec, sound, container
):
    path = write_clip(tmp_path / f"a.{suffix}", codec=codec, sound=sound, format=container)
    whole = dict(iter_sampled_frames(path, 25.0))
    times_s = np.array(list(whole))
    assert len(times_s) == 100
    assert times_s == pytest.approx(times_s[0] + np.arange(100) / 25, abs=0.002)
    part = dict(iter_sampled_frames(path, 25.0, start_s=2.5, end_s=3.1))
    assert list(part) == [time_s for time_s in whole if 2.5 <= time_s < 3.1]
    assert all(np.array_equal(image, whole[time_s]) for time_s, image in part.items())
    wanted_s = [times_s[3], times_s[40], times_s[90]]
    single = dict(read_frames_at(path, wanted_s))
    assert list(single) == wanted_s
    assert all(np.array_equal(image, whole[time_s]) for time_s, image in single.items())


@pytest.mark.parametrize(("suffix", "codec"), [("avi", "libx264"), ("avi", "mpeg4")])
def test_pictures_of_avi_with_b_frames_are_in_the_order_of_presentation(
    write_clip, tmp_path, suffix, codec
):
    path = write_clip(tmp_path / f"a.{suffix}", 3.0, codec=codec, sound="mp2")
    frames = [(time_s, float(luma(frame).mean())) for time_s, frame in iter_frames(path)]
    assert [time_s for time_s, _ in frames] == pytest.approx(np.arange(75) / 25)
    assert np.all(np.diff([grey for _, grey in frames]) > -1.5)


def test_raw_stream_is_counted_while_it_is_decoded(write_clip, tmp_path):
    path = write_clip(tmp_path / "a.h264", 4.0, sound=None)
    assert probe(path).duration_s == pytest.approx(4.0)
    for limits, message in [
        (MediaLimits(frames=99), "has 100 or more frames; the limit is 99 frames"),
        (MediaLimits(duration_s=2.0), "is at least 2 s long; the limit is 2 s"),
    ]:
        with limit_decoding(limits), pytest.raises(MediaError, match=message):
            list(iter_frames(path))
    with limit_decoding(MediaLimits(duration_s=4.0, frames=100)):
        assert len(list(iter_frames(path))) == 100
    with limit_decoding(MediaLimits(frames=30)):
        part = [time_s for time_s, _ in iter_sampled_frames(path, 25.0, start_s=2.0, end_s=3.0)]
    assert len(part) == 25


def test_stream_that_grows_midway_is_refused_at_the_first_large_picture(make_video, tmp_path):
    av = pytest.importorskip("av")
    small, large = ({"size": size, "face": False} for size in ((64, 48), (320, 240)))
    parts = []
    for name, facts in (("s", small), ("l", large)):
        source = make_video(tmp_path / f"{name}.mp4", audio=False, seconds=1.0, **facts)
        raw = tmp_path / f"{name}.h264"
        with av.open(str(source)) as reader, av.open(str(raw), "w", format="h264") as out:
            stream = out.add_stream_from_template(reader.streams.video[0])
            for packet in reader.demux(video=0):
                if packet.size:
                    packet.stream = stream
                    out.mux(packet)
        parts.append(raw.read_bytes())
    path = tmp_path / "grows.h264"
    path.write_bytes(b"".join(parts))
    assert len(list(iter_sampled_frames(path, 25.0))) == 50
    with (
        limit_decoding(MediaLimits(pixels=64 * 48)),
        pytest.raises(MediaError, match="has frames of 320×240; the limit is 3072 pixels"),
    ):
        list(iter_frames(path))


@pytest.mark.parametrize("lost_s", [0.4, 0.8, 3.0])
def test_lost_pictures_are_counted_in_seconds(write_clip, copy_packets, tmp_path, lost_s):
    options = {"preset": "ultrafast", "g": "25"}
    source = write_clip(tmp_path / "a.mkv", 8.0, options=options)
    holed = copy_packets(
        source,
        tmp_path / "b.mkv",
        lambda kind, time_s: None if kind == "video" and 2.98 < time_s < 2.98 + lost_s else 0.0,
    )
    for path, least_s in ((source, 0.0), (holed, lost_s)):
        sampled = len(list(iter_sampled_frames(path, 25.0)))
        seconds = missing_picture_s(path, 0, (0.0, np.inf), sampled, 25.0)
        assert seconds == pytest.approx(8.0 - sampled / 25, abs=0.05)
        assert seconds >= least_s - 0.05
    assert missing_picture_s(source, 0, (0.0, np.inf), 150, 25.0) == pytest.approx(2.0)


def test_low_and_irregular_rates_lose_no_picture(write_clip, copy_packets, tmp_path, rng):
    source = write_clip(tmp_path / "a.mkv", 8.0, options={"preset": "ultrafast", "g": "1"})
    kept = np.cumsum(rng.choice([1, 2, 5, 8], 60))  # up to 0.32 s apart
    sparse = copy_packets(
        source,
        tmp_path / "b.mkv",
        lambda kind, time_s: None if kind == "video" and round(time_s * 25) not in kept else 0.0,
    )
    sampled = len(list(iter_sampled_frames(sparse, 25.0)))
    assert missing_picture_s(sparse, 0, (0.0, np.inf), sampled, 25.0) == 0.0
