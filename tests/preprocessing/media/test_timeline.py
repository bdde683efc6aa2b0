"""One running time for picture and sound, wherever the clock of the file restarts or jumps."""

import math
from dataclasses import replace

import numpy as np
import pytest

from unmask.preprocessing.media.audio import read_waveform
from unmask.preprocessing.media.colour import luma
from unmask.preprocessing.media.frames import iter_frames, iter_sampled_frames
from unmask.preprocessing.media.packet_table import PacketTable
from unmask.preprocessing.media.probe import probe
from unmask.preprocessing.media.timeline import build_timeline, read_timeline
from unmask.records import RATE_HZ
from unmask.serving.aggregation.media_quality import MediaStatistics
from unmask.serving.time_notes import time_notes


def onsets_s(values, times_s, threshold):
    """Return the times at which values rise above the threshold after 0.4 s below it."""
    loud_s = np.asarray(times_s)[np.asarray(values) > threshold]
    return [time_s for i, time_s in enumerate(loud_s) if not i or time_s - loud_s[i - 1] > 0.4]


def flashes_s(path):
    times_s, greys = [], []
    for time_s, frame in iter_frames(path):
        times_s.append(time_s)
        greys.append(luma(frame).mean())
    return onsets_s(greys, times_s, 200)


def beeps_s(path):
    samples = read_waveform(path).samples
    return onsets_s(np.abs(samples), np.arange(len(samples)) / RATE_HZ, 0.2)


@pytest.mark.parametrize(
    ("suffix", "codec", "sound"),
    [
        ("ts", "libx264", "aac"),
        ("mkv", "libx264", "aac"),
        ("webm", "libvpx", "libopus"),
        ("mpg", "mpeg2video", "mp2"),
    ],
)
def test_joined_captures_are_read_to_their_end_with_sound_at_the_picture(
    write_clip, tmp_path, suffix, codec, sound
):
    kinds = {"codec": codec, "sound": sound}
    first = write_clip(tmp_path / f"a.{suffix}", 4.0, flashes_s=(1.0, 3.0), **kinds)
    second = write_clip(tmp_path / f"b.{suffix}", 3.0, flashes_s=(1.4,), **kinds)
    joined = tmp_path / f"joined.{suffix}"
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    assert len(list(iter_frames(joined))) == 175
    assert probe(joined).duration_s == pytest.approx(7.0, abs=0.1)
    (jump,) = read_timeline(joined).jumps
    assert jump.time_s == pytest.approx(4.0, abs=0.1)
    assert jump.step_s < -3.5
    assert jump.all_streams
    sampled_s = [time_s for time_s, _ in iter_sampled_frames(joined, 5.0)]
    assert len(sampled_s) in (35, 36)
    assert np.diff(sampled_s).max() < 0.3
    assert flashes_s(joined) == pytest.approx([1.0, 3.0, 5.4], abs=0.1)
    alone = np.array([*flashes_s(first), *flashes_s(second)])
    offsets_s = np.array([*beeps_s(first), *beeps_s(second)]) - alone
    assert np.array(beeps_s(joined)) - flashes_s(joined) == pytest.approx(offsets_s, abs=0.005)


@pytest.mark.parametrize("suffix", ["ts", "mkv", "flv"])
@pytest.mark.parametrize("step_s", [1000.0, 95_000.0])
def test_jump_of_the_clock_in_all_streams_takes_no_time(
    write_clip, copy_packets, tmp_path, suffix, step_s
):
    options = {"preset": "veryfast", "g": "50", "bf": "0"}
    source = write_clip(tmp_path / f"a.{suffix}", flashes_s=(1.0, 3.0), options=options)
    path = copy_packets(
        source, tmp_path / f"b.{suffix}", lambda _, time_s: step_s if time_s >= 2.0 else 0.0
    )
    assert len(list(iter_frames(path))) == 100
    assert probe(path).duration_s == pytest.approx(4.0, abs=0.1)
    assert [jump.step_s for jump in read_timeline(path).jumps] == pytest.approx([step_s], abs=0.1)
    assert flashes_s(path) == pytest.approx(flashes_s(source), abs=0.05)
    assert beeps_s(path) == pytest.approx(beeps_s(source), abs=0.05)


@pytest.mark.parametrize("kind", ["video", "audio"])
def test_hole_in_one_stream_is_no_jump(write_clip, copy_packets, tmp_path, kind):
    source = write_clip(tmp_path / "a.mkv", 20.0, options={"preset": "ultrafast", "g": "10"})
    path = copy_packets(
        source,
        tmp_path / "b.mkv",
        lambda stream, time_s: None if stream == kind and 3.0 <= time_s < 16.0 else 0.0,
    )
    timeline = read_timeline(path)
    assert not timeline.jumps
    assert timeline.duration_s == pytest.approx(20.0, abs=0.1)


def test_short_jump_is_time_of_the_file(write_clip, copy_packets, tmp_path):
    source = write_clip(tmp_path / "a.mkv")
    path = copy_packets(source, tmp_path / "b.mkv", lambda _, time_s: 5.0 if time_s > 2.0 else 0.0)
    assert not read_timeline(path).jumps
    assert probe(path).duration_s == pytest.approx(9.0, abs=0.1)


@pytest.mark.parametrize("kind", ["video", "audio"])
def test_stream_that_restarts_alone_goes_on_and_the_note_says_so(
    write_clip, copy_packets, tmp_path, kind
):
    first = write_clip(tmp_path / "a.ts", 3.0, flashes_s=(1.0,))
    second = copy_packets(
        first, tmp_path / "b.ts", lambda stream, _: 0.0 if stream == kind else 3.0
    )
    path = tmp_path / "joined.ts"
    path.write_bytes(first.read_bytes() + second.read_bytes())
    (jump,) = read_timeline(path).jumps
    assert not jump.all_streams
    assert jump.time_s == pytest.approx(3.0, abs=0.1)
    assert jump.step_s == pytest.approx(-3.0, abs=0.1)
    times_s = [time_s for time_s, _ in iter_frames(path)]
    assert len(times_s) == 150
    assert np.diff(times_s) == pytest.approx(0.04, abs=0.1)
    assert np.all(np.diff(times_s) > 0)
    start_s = flashes_s(first)[0]
    assert flashes_s(path) == pytest.approx([start_s, start_s + 3.0], abs=0.1)
    assert beeps_s(path) == pytest.approx([start_s, start_s + 3.0], abs=0.1)
    info = probe(path)
    assert info.clocks_apart
    assert info.duration_s == pytest.approx(6.0, abs=0.15)
    quality = MediaStatistics().quality()
    jumps, apart = time_notes(quality, info, info.duration_s, (0.0, math.inf))
    assert f"starts again or jumps at {jump.time_s:.1f} s" in jumps
    assert "picture and sound may be apart" in apart


def table(times_s, first_order, packet_s=0.04):
    times_s = np.asarray(times_s)
    is_any = np.ones(len(times_s), bool)
    order = first_order + 2 * np.arange(len(times_s))
    lengths_s, sizes = np.full(len(times_s), packet_s), np.ones(len(times_s), np.int64)
    return PacketTable(
        order, times_s, times_s, lengths_s, sizes, is_any, is_any, False, True, False, packet_s
    )


def test_sound_that_overlaps_by_little_is_no_restart():
    picture_s = np.arange(0.0, 8.0, 0.04)
    sound_s = np.where(picture_s < 4.0, picture_s, picture_s - 0.3)
    assert not build_timeline({0: table(picture_s, 0), 1: table(sound_s, 1)}, 0.0).jumps
    assert not build_timeline({1: table(sound_s, 1)}, 0.0).jumps


@pytest.mark.parametrize("step_s", [369.0, 5.0, -2.0])
@pytest.mark.parametrize("length", [1, 8])
def test_damaged_times_of_a_few_packets_move_no_others(step_s, length):
    times_s = np.arange(0.0, 8.0, 0.04)
    damaged_s = times_s.copy()
    damaged_s[100 : 100 + length] += step_s
    damaged = table(damaged_s, 1)
    damaged.length_s[99] += max(step_s, 0.0)
    damaged = replace(damaged, packet_s=max(np.diff(damaged_s).max() / 100, 0.04))
    timeline = build_timeline({0: table(times_s, 0), 1: damaged}, 0.0)
    assert not timeline.jumps
    assert timeline.duration_s == pytest.approx(8.0)
    assert timeline.streams[1].running_s() == pytest.approx(times_s)


def test_stream_whose_last_packets_state_absurd_times_runs_on():
    picture_s = np.arange(0.0, 8.0, 0.04)
    sound_s = np.where(picture_s < 5.0, picture_s, picture_s + 40_000.0)
    timeline = build_timeline({0: table(picture_s, 0), 1: table(sound_s, 1)}, 0.0)
    assert timeline.duration_s == pytest.approx(8.0)
    (jump,) = timeline.jumps
    assert (jump.time_s, jump.all_streams) == (pytest.approx(5.0), False)


def test_picture_that_changes_once_in_hours_of_sound_is_no_jump():
    sound_s = np.arange(0.0, 8000.0, 0.5)
    picture_s = np.array([0.0, 7200.0])
    timeline = build_timeline({0: table(picture_s, 0), 1: table(sound_s, 1)}, 0.0)
    assert not timeline.jumps


def test_presentation_far_from_decoding_is_damaged():
    times_s = np.arange(0.0, 8.0, 0.04)
    shown_s = times_s + 0.08
    shown_s[100] += 300.0
    damaged = replace(table(times_s, 0), shown_s=shown_s)
    timeline = build_timeline({0: damaged, 1: table(times_s, 1)}, 0.0)
    assert timeline.duration_s == pytest.approx(8.08)
    assert timeline.streams[0].running_s() == pytest.approx(times_s + 0.08)


def delay_flv_tag(content, kind, time_s, added_s):
    """Move the time stamp of the first tag of a kind (8 sound, 9 picture) from ``time_s`` on."""
    content, place = bytearray(content), 13
    while place < len(content):
        stamp = slice(place + 4, place + 7)
        time_ms = int.from_bytes(content[stamp])
        if content[place] == kind and time_ms >= time_s * 1000:
            content[stamp] = (time_ms + round(added_s * 1000)).to_bytes(3)
            return bytes(content)
        place += 15 + int.from_bytes(content[place + 1 : place + 4])
    raise AssertionError("no such tag")


@pytest.mark.parametrize("kind", [8, 9])
def test_damaged_time_stamp_leaves_picture_and_sound_together(write_clip, tmp_path, kind):
    source = write_clip(tmp_path / "a.flv", flashes_s=(1.0, 3.0), options={"bf": "0"})
    path = tmp_path / "b.flv"
    path.write_bytes(delay_flv_tag(source.read_bytes(), kind, 2.0, 300.0))
    assert probe(path).duration_s == pytest.approx(4.0, abs=0.1)
    assert flashes_s(path) == pytest.approx(flashes_s(source), abs=0.005)
    assert beeps_s(path) == pytest.approx(beeps_s(source), abs=0.005)
    assert len(list(iter_frames(path))) == len(list(iter_frames(source)))


def test_every_restart_has_a_part_of_its_own():
    times_s = np.concatenate([np.arange(5.0, 8.0, 0.04)] * 3)
    timeline = build_timeline({0: table(times_s, 0), 1: table(times_s + 0.02, 1)}, 5.0)
    assert timeline.duration_s == pytest.approx(9.06)
    for times in timeline.streams.values():
        assert times.firsts == (0, 75, 150)
        assert times.shifts_s == pytest.approx((0.0, 3.02, 6.04))


def test_file_is_listed_once(write_clip, tmp_path):
    path = write_clip(tmp_path / "a.mkv", 1.0)
    assert read_timeline(path) is read_timeline(path)
