"""Probing of media files: metadata and errors."""

import logging

import pytest

from unmask.errors import MediaError
from unmask.preprocessing.media.frames import iter_sampled_frames
from unmask.preprocessing.media.probe import probe


def times_of(path, rate_hz=5.0, **span):
    return [time for time, _ in iter_sampled_frames(path, rate_hz, **span)]


def test_variable_frame_rate_is_sampled_by_time(make_video, tmp_path):
    times_s = [0.0, 0.03, 0.06, 0.5, 0.52, 0.59, 0.61, 1.9]
    path = make_video(tmp_path / "a.mp4", times=times_s, audio=False)
    assert times_of(path) == pytest.approx([0.0, 0.5, 0.61, 1.9])


@pytest.mark.parametrize("times_s", [[0.0], [0.0, 0.04, 0.08, 0.12, 0.16]])
def test_video_shorter_than_a_tick_has_one_sampled_frame(make_video, tmp_path, times_s):
    assert times_of(make_video(tmp_path / "a.mp4", times=times_s, audio=False)) == [0.0]


def test_file_without_video_has_no_frames(make_video, tmp_path):
    path = make_video(tmp_path / "a.mp4", times=[])
    info = probe(path)
    assert (info.has_video, info.has_audio, info.fps) == (False, True, 0.0)
    assert times_of(path) == []


def test_file_name_may_contain_spaces_and_any_letter(make_video, tmp_path):
    path = make_video(tmp_path / "ein Gespräch – 会話 #1 %20.mp4")
    assert probe(path).duration_s == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"dear diary, " * 400, "not a readable media"),
        (b"\0" * 999, "not a readable"),
    ],
)
def test_file_that_is_not_media_is_rejected_in_one_line(tmp_path, content, message):
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    with pytest.raises(MediaError, match=message) as caught:
        probe(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "message"), [("", "is a folder"), ("missing.mp4", "does not exist")]
)
def test_folder_and_missing_file_are_rejected(tmp_path, name, message):
    with pytest.raises(MediaError, match=message):
        probe(tmp_path / name)
    with pytest.raises(MediaError, match=message):
        times_of(tmp_path / name)


def test_mp4_without_its_index_is_rejected(make_video, tmp_path):
    path = make_video(tmp_path / "a.mp4")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(MediaError, match="not a readable media"):
        probe(path)


def test_truncated_video_yields_the_frames_before_its_end(make_video, tmp_path):
    path = make_video(tmp_path / "a.mkv", seconds=4.0, face=False)
    whole = times_of(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    part = times_of(path)
    assert 3 <= len(part) < len(whole)
    assert part == whole[: len(part)]


def test_damaged_part_is_skipped_and_logged(make_video, tmp_path, caplog):
    path = make_video(tmp_path / "a.mp4", seconds=4.0, face=False, audio=False)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 20_000] = b"\0" * 20_000
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING, logger="unmask"):
        times_s = times_of(path)
    assert times_s[0] == 0.0
    assert times_s[-1] == pytest.approx(3.8, abs=0.25)
    assert "damaged part(s) of the video stream" in caplog.text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.mp4", "ffconcat version 1.0\nfile other.mp4\n"),
        ("list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nother.mp4\n#EXT-X-ENDLIST\n"),
        ("letter.txt", "a text that FFmpeg would render as video\n" * 20),
    ],
)
def test_text_file_neither_opens_other_files_nor_is_rendered_as_video(
    make_video, tmp_path, name, text
):
    make_video(tmp_path / "other.mp4")
    (tmp_path / name).write_text(text)
    with pytest.raises(MediaError, match="is not a readable media file"):
        probe(tmp_path / name)


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "avi", "ts", "flv", "wmv", "mpg", "3gp"])
def test_common_containers_are_decoded(make_video, tmp_path, suffix):
    info = probe(make_video(tmp_path / f"a.{suffix}", audio=False))
    assert (info.width, info.height) == (320, 240)
