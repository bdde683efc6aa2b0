"""A flash and a click at one instant are read at one instant, whatever the container."""

from pathlib import Path

import pytest

from tests.flash_click import read_boxes, remux, write_flash_and_click
from tests.sound_files import click_times
from unmask.preprocessing.media.audio import read_waveform
from unmask.preprocessing.media.colour import luma
from unmask.preprocessing.media.frames import iter_frames

MAX_OFFSET_S = 0.010
EVENT_S = 2.0
FRAGMENTED = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
DELAYED = {"movflags": "frag_keyframe+delay_moov"}
B_FRAMES = {"b_frames": 2}

CONTAINERS = {
    "mp4-aac": ("a.mp4", "aac", {}),
    "mp4-aac-b-frames": ("a.mp4", "aac", B_FRAMES),
    "mp4-aac-16-khz": ("a.mp4", "aac", {"rate_hz": 16_000}),
    "mp4-mp3": ("a.mp4", "libmp3lame", {}),
    "mp4-opus": ("a.mp4", "libopus", {}),
    "mp4-ac3": ("a.mp4", "ac3", {}),
    "mov-pcm-b-frames": ("a.mov", "pcm_s16le", B_FRAMES),
    "m4v-aac": ("a.m4v", "aac", {"container": "ipod"}),
    "3gp-aac": ("a.3gp", "aac", {"container": "3gp"}),
    "fragmented-aac": ("a.mp4", "aac", {"options": FRAGMENTED}),
    "fragmented-aac-b-frames": ("a.mp4", "aac", {"options": FRAGMENTED, **B_FRAMES}),
    "fragmented-aac-16-khz": ("a.mp4", "aac", {"options": FRAGMENTED, "rate_hz": 16_000}),
    "fragmented-aac-edit-list": ("a.mp4", "aac", {"options": DELAYED, **B_FRAMES}),
    "fragmented-opus": ("a.mp4", "libopus", {"options": FRAGMENTED}),
    "mkv-aac": ("a.mkv", "aac", {}),
    "mkv-aac-b-frames": ("a.mkv", "aac", B_FRAMES),
    "mkv-opus": ("a.mkv", "libopus", {}),
    "mkv-mp3": ("a.mkv", "libmp3lame", {}),
    "webm-opus": ("a.webm", "libopus", {"video": "libvpx"}),
    "ts-aac": ("a.ts", "aac", {"container": "mpegts"}),
    "ts-aac-b-frames": ("a.ts", "aac", {"container": "mpegts", **B_FRAMES}),
    "ts-mp2-b-frames": ("a.ts", "mp2", {"container": "mpegts", **B_FRAMES}),
    "ts-ac3": ("a.ts", "ac3", {"container": "mpegts"}),
    "mpg-mp2": ("a.mpg", "mp2", {"container": "mpeg", "video": "mpeg1video"}),
    "flv-aac": ("a.flv", "aac", {}),
    "flv-mp3": ("a.flv", "libmp3lame", {}),
    "wmv-mp2": ("a.wmv", "mp2", {"container": "asf", "video": "mpeg4"}),
    "wmv-mp2-h264": ("a.wmv", "mp2", {"container": "asf"}),
    "wmv-mp2-b-frames": ("a.wmv", "mp2", {"container": "asf", **B_FRAMES}),
}
STARTS = {
    "together": {},
    "late-sound": {"sound_from_s": 0.5},
    "slightly-late-sound": {"sound_from_s": 0.137},
    "late-picture": {"picture_from_s": 0.52},
}


def offset_s(path):
    """Time of the click minus that of the flash."""
    (flash_s,) = [time_s for time_s, frame in iter_frames(path) if luma(frame).mean() > 128]
    (click_s,) = click_times(read_waveform(path).samples)
    return click_s - flash_s


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("container", CONTAINERS)
def test_flash_and_click_stay_together(tmp_path, container, start):
    name, audio, options = CONTAINERS[container]
    path = tmp_path / name
    write_flash_and_click(path, EVENT_S, seconds=2.6, audio=audio, **options, **STARTS[start])
    assert offset_s(path) == pytest.approx(0, abs=MAX_OFFSET_S)


@pytest.mark.parametrize("video", ["libx264", "mpeg4"])
@pytest.mark.parametrize("audio", ["pcm_s16le", "ac3"])
@pytest.mark.parametrize("b_frames", [0, 1, 2])
def test_avi_that_begins_with_both_streams_keeps_them_together(tmp_path, video, audio, b_frames):
    """AVI states no times; its sound begins with its pictures."""
    path = tmp_path / "a.avi"
    write_flash_and_click(path, EVENT_S, video=video, audio=audio, b_frames=b_frames)
    assert offset_s(path) == pytest.approx(0, abs=MAX_OFFSET_S)


@pytest.mark.parametrize("audio", ["aac", "libopus"])
@pytest.mark.parametrize("kept", [1, 2])
def test_single_segment_of_a_stream_keeps_sound_and_picture_together(tmp_path, audio, kept):
    whole, path = tmp_path / "whole.mp4", tmp_path / "segment.mp4"
    event_s = kept + 0.4  # a fragment begins every second
    write_flash_and_click(whole, event_s, audio=audio, options=FRAGMENTED, **B_FRAMES)
    boxes = read_boxes(whole)
    header = [content for kind, content in boxes if kind in (b"ftyp", b"moov")]
    fragments = [content for kind, content in boxes if kind in (b"moof", b"mdat")]
    path.write_bytes(b"".join([*header, *fragments[2 * kept : 2 * kept + 2]]))
    assert offset_s(path) == pytest.approx(0, abs=MAX_OFFSET_S)


@pytest.mark.parametrize("audio", ["aac", "mp2"])
def test_broadcast_cut_anywhere_keeps_sound_and_picture_together(tmp_path, audio):
    path = tmp_path / "a.ts"
    write_flash_and_click(path, EVENT_S, audio=audio, container="mpegts", **B_FRAMES)
    packets = path.read_bytes()
    third = len(packets) // 188 // 3 * 188
    path.write_bytes(packets[:564] + packets[third:])  # the tables of the streams come first
    assert offset_s(path) == pytest.approx(0, abs=MAX_OFFSET_S)


@pytest.mark.parametrize("from_s", [0.6, 0.61])  # at a picture, and between two
@pytest.mark.parametrize("name", ["b.mp4", "b.mkv", "b.ts"])
def test_film_cut_without_encoding_keeps_sound_and_picture_together(tmp_path, name, from_s):
    whole, path = tmp_path / "a.mp4", tmp_path / name
    write_flash_and_click(whole, EVENT_S, **B_FRAMES)
    remux(whole, path, from_s)  # in MP4 an edit list hides the pictures since the key frame
    assert offset_s(path) == pytest.approx(0, abs=MAX_OFFSET_S)


def test_click_without_picture_is_at_its_own_time(tmp_path):
    for name, audio in (("a.mp3", "libmp3lame"), ("a.m4a", "aac"), ("a.opus", "libopus")):
        path = Path(tmp_path / name)
        write_flash_and_click(path, EVENT_S, audio=audio, video=None)
        assert click_times(read_waveform(path).samples) == pytest.approx([EVENT_S], abs=0.002)
