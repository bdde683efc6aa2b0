"""Decoding of frames and audio."""

import logging

import cv2
import numpy as np
import pytest

from unmask.errors import MediaError
from unmask.preprocessing.media.decode import (
    iter_frames,
    iter_sampled_frames,
    luma,
    probe,
    read_waveform,
)


def times_of(path, rate_hz=5.0, **span):
    return [time for time, _ in iter_sampled_frames(path, rate_hz, **span)]


def shade(image):
    return int(np.median(image))


def grey(value, size=(48, 64)):
    return np.full((*size, 3), value, np.uint8)


def test_sampled_frames_are_those_shown_at_their_times(write_frames, tmp_path):
    path = write_frames(tmp_path / "a.mkv", [grey(5 * number) for number in range(30)])
    samples = [(round(time, 3), shade(image)) for time, image in iter_sampled_frames(path, 5.0)]
    assert samples == [(0.0, 0), (0.2, 25), (0.4, 50), (0.6, 75), (0.8, 100), (1.0, 125)]


def test_variable_frame_rate_is_sampled_by_time(make_video, tmp_path):
    times_s = [0.0, 0.03, 0.06, 0.5, 0.52, 0.59, 0.61, 1.9]
    path = make_video(tmp_path / "a.mp4", times=times_s, audio=False)
    assert times_of(path) == pytest.approx([0.0, 0.5, 0.61, 1.9])


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


@pytest.mark.parametrize("times_s", [[0.0], [0.0, 0.04, 0.08, 0.12, 0.16]])
def test_video_shorter_than_a_tick_has_one_sampled_frame(make_video, tmp_path, times_s):
    assert times_of(make_video(tmp_path / "a.mp4", times=times_s, audio=False)) == [0.0]


def test_file_without_audio_has_no_waveform(make_video, tmp_path):
    path = make_video(tmp_path / "a.mp4", audio=False)
    assert not probe(path).has_audio
    assert read_waveform(path) is None


def test_file_without_video_has_no_frames(make_video, tmp_path):
    path = make_video(tmp_path / "a.mp4", times=[])
    info = probe(path)
    assert (info.has_video, info.has_audio, info.fps) == (False, True, 0.0)
    assert times_of(path) == []


@pytest.mark.parametrize(
    ("unknown", "expected"), [("video", (False, True)), ("audio", (True, False))]
)
def test_stream_of_an_unknown_codec_counts_as_absent(
    make_video_of_unknown_codec, tmp_path, unknown, expected
):
    path = make_video_of_unknown_codec(tmp_path / "a.mkv", unknown)
    info = probe(path)
    assert (info.has_video, info.has_audio) == expected
    assert (len(times_of(path)) > 0, read_waveform(path) is not None) == expected


def test_file_name_may_contain_spaces_and_any_letter(make_video, tmp_path):
    path = make_video(tmp_path / "ein Gespräch – 会話 #1 %20.mp4")
    assert probe(path).duration_s == pytest.approx(1.0, abs=0.1)


def test_stereo_is_mixed_down_and_resampled_to_16_khz(write_audio, tmp_path):
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(44_100) / 44_100)
    waveform = read_waveform(write_audio(tmp_path / "a.wav", np.stack([tone, tone]), 44_100))
    assert waveform.duration_s == pytest.approx(1.0, abs=0.002)
    spectrum = np.abs(np.fft.rfft(waveform.samples[:16_000]))
    assert np.argmax(spectrum) == 1000
    assert np.abs(waveform.samples[1000:15_000]).max() == pytest.approx(0.5, rel=0.02)


def test_audio_that_starts_late_is_padded(make_video, tmp_path):
    av = pytest.importorskip("av")
    source, path = make_video(tmp_path / "a.mp4"), tmp_path / "b.mkv"
    with av.open(str(source)) as reader, av.open(str(path), "w") as out:
        copies = {stream: out.add_stream_from_template(stream) for stream in reader.streams}
        for packet in reader.demux():
            if packet.dts is None:
                continue
            if packet.stream.type == "audio":
                delay = round(0.5 / packet.time_base)
                packet.pts, packet.dts = packet.pts + delay, packet.dts + delay
            packet.stream = copies[packet.stream]
            out.mux(packet)
    original, delayed = read_waveform(source).samples, read_waveform(path).samples
    onsets = [np.argmax(np.abs(samples) > 0.1) / 16_000 for samples in (original, delayed)]
    assert onsets[1] - onsets[0] == pytest.approx(0.5, abs=0.07)


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


def test_luma_is_read_in_any_pixel_format(write_frames, rng, tmp_path):
    coarse = rng.integers(30, 220, (6, 9, 3)).astype(np.uint8)
    image = cv2.resize(coarse, (90, 60), interpolation=cv2.INTER_CUBIC)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(int)
    ((_, frame), *_) = iter_frames(write_frames(tmp_path / "a.mkv", [image] * 2))
    limited = 16 + grey * 219 / 255  # the range of video luma, which is taken as it is stored
    for pixel_format, expected in (("bgr0", grey), ("rgb24", grey), ("yuv420p", limited)):
        converted = frame.reformat(format=pixel_format)
        assert np.abs(luma(converted) - expected).mean() < 3, pixel_format


def test_on_frame_is_called_for_every_decoded_frame(make_video, tmp_path):
    path, calls = make_video(tmp_path / "a.mp4", audio=False), []
    sampled = iter_sampled_frames(path, 5.0, on_frame=lambda time_s, _: calls.append(time_s))
    assert len(list(sampled)) == 5
    assert calls == [time_s for time_s, _ in iter_frames(path)]
    assert len(calls) == 25
