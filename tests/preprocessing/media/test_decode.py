import logging

import numpy as np
import pytest

from unmask.errors import MediaError
from unmask.preprocessing.media.decode import iter_sampled_frames, probe, read_waveform


def times_of(path, rate_hz=5.0, **span):
    return [time for time, _ in iter_sampled_frames(path, rate_hz, **span)]


def shade(picture):
    return int(np.median(picture))


def grey(value, size=(48, 64)):
    return np.full((*size, 3), value, np.uint8)


def test_the_frames_are_those_of_their_times(shoot, tmp_path):
    path = shoot(tmp_path / "a.mkv", [grey(5 * number) for number in range(30)])
    seen = [(round(time, 3), shade(picture)) for time, picture in iter_sampled_frames(path, 5.0)]
    assert seen == [(0.0, 0), (0.2, 25), (0.4, 50), (0.6, 75), (0.8, 100), (1.0, 125)]


def test_a_variable_frame_rate_is_sampled_by_time(film, tmp_path):
    moments = [0.0, 0.03, 0.06, 0.5, 0.52, 0.59, 0.61, 1.9]
    path = film(tmp_path / "a.mp4", times=moments, sound=False)
    assert times_of(path) == pytest.approx([0.0, 0.5, 0.61, 1.9])


def test_a_stretch_holds_the_same_frames_as_the_whole(film, tmp_path):
    path = film(tmp_path / "a.mp4", seconds=6.0, size=(64, 48), face=False)
    whole = {round(time, 3): picture for time, picture in iter_sampled_frames(path, 5.0)}
    part = {
        round(t, 3): picture
        for t, picture in iter_sampled_frames(path, 5.0, start_s=2.5, end_s=4.1)
    }
    assert list(part) == [time for time in whole if 2.5 <= time < 4.1]
    assert all(np.array_equal(part[time], whole[time]) for time in part)


def test_a_turned_film_is_shown_upright(film, tmp_path):
    upright = film(tmp_path / "a.mp4", size=(320, 240))
    turned = film(tmp_path / "b.mp4", size=(320, 240), turned=True)
    info = probe(turned)
    assert (info.width, info.height, info.rotation_deg) == (320, 240, 90)
    assert probe(upright).rotation_deg == 0
    for (_, one), (_, other) in zip(
        iter_sampled_frames(upright, 5.0), iter_sampled_frames(turned, 5.0), strict=True
    ):
        assert np.abs(one.astype(int) - other).mean() < 4


@pytest.mark.parametrize("size", [(35, 51), (1, 1), (225, 17)])
def test_odd_sizes_are_kept(shoot, tmp_path, size):
    rng = np.random.default_rng(1)
    picture = rng.integers(0, 255, (*size, 3)).astype(np.uint8)
    path = shoot(tmp_path / "a.mkv", [picture] * 2)
    assert (probe(path).height, probe(path).width) == size
    assert np.array_equal(next(iter_sampled_frames(path, 5.0))[1], picture)


@pytest.mark.parametrize("moments", [[0.0], [0.0, 0.04, 0.08, 0.12, 0.16]])
def test_a_film_shorter_than_a_tick_gives_one_frame(film, tmp_path, moments):
    assert times_of(film(tmp_path / "a.mp4", times=moments, sound=False)) == [0.0]


def test_a_file_without_sound_has_none(film, tmp_path):
    path = film(tmp_path / "a.mp4", sound=False)
    assert not probe(path).has_audio
    assert read_waveform(path) is None


def test_a_file_without_picture_has_none(film, tmp_path):
    path = film(tmp_path / "a.mp4", times=[])
    info = probe(path)
    assert (info.has_video, info.has_audio, info.fps) == (False, True, 0.0)
    assert times_of(path) == []


@pytest.mark.parametrize(("unknown", "left"), [("video", (False, True)), ("audio", (True, False))])
def test_a_stream_of_a_codec_that_nobody_knows_counts_as_absent(
    film_of_unknown, tmp_path, unknown, left
):
    path = film_of_unknown(tmp_path / "a.mkv", unknown)
    info = probe(path)
    assert (info.has_video, info.has_audio) == left
    assert (len(times_of(path)) > 0, read_waveform(path) is not None) == left


def test_the_name_may_hold_spaces_and_any_letter(film, tmp_path):
    path = film(tmp_path / "ein Gespräch – 会話 #1 %20.mp4")
    assert probe(path).duration_s == pytest.approx(1.0, abs=0.1)


def test_stereo_at_another_rate_becomes_the_same_tone_at_16_khz(record, tmp_path):
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(44_100) / 44_100)
    sound = read_waveform(record(tmp_path / "a.wav", np.stack([tone, tone]), 44_100))
    assert sound.duration_s == pytest.approx(1.0, abs=0.002)
    spectrum = np.abs(np.fft.rfft(sound.samples[:16_000]))
    assert np.argmax(spectrum) == 1000
    assert np.abs(sound.samples[1000:15_000]).max() == pytest.approx(0.5, rel=0.02)


def test_sound_that_begins_late_keeps_its_time(film, tmp_path):
    av = pytest.importorskip("av")
    source, path = film(tmp_path / "a.mp4"), tmp_path / "b.mkv"
    with av.open(str(source)) as there, av.open(str(path), "w") as out:
        copies = {stream: out.add_stream_from_template(stream) for stream in there.streams}
        for packet in there.demux():
            if packet.dts is None:
                continue
            if packet.stream.type == "audio":
                late = round(0.5 / packet.time_base)
                packet.pts, packet.dts = packet.pts + late, packet.dts + late
            packet.stream = copies[packet.stream]
            out.mux(packet)
    plain, late = read_waveform(source).samples, read_waveform(path).samples
    begins = [np.argmax(np.abs(samples) > 0.1) / 16_000 for samples in (plain, late)]
    assert begins[1] - begins[0] == pytest.approx(0.5, abs=0.07)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "is empty"), (b"dear diary, " * 400, "no readable media"), (b"\0" * 999, "no readable")],
)
def test_what_is_no_media_is_refused_in_one_line(tmp_path, content, words):
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    with pytest.raises(MediaError, match=words) as caught:
        probe(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(("name", "words"), [("", "is a folder"), ("gone.mp4", "does not exist")])
def test_a_folder_and_a_missing_file_are_refused(tmp_path, name, words):
    with pytest.raises(MediaError, match=words):
        probe(tmp_path / name)
    with pytest.raises(MediaError, match=words):
        times_of(tmp_path / name)


def test_an_mp4_that_lost_its_index_is_refused(film, tmp_path):
    path = film(tmp_path / "a.mp4")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(MediaError, match="no readable media"):
        probe(path)


def test_a_film_that_breaks_off_gives_what_there_is(film, tmp_path, caplog):
    path = film(tmp_path / "a.mkv", seconds=4.0, face=False)
    whole = times_of(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    part = times_of(path)
    assert 3 <= len(part) < len(whole)
    assert part == whole[: len(part)]


def test_damage_in_the_middle_is_stepped_over_and_logged(film, tmp_path, caplog):
    path = film(tmp_path / "a.mp4", seconds=4.0, face=False, sound=False)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 20_000] = b"\0" * 20_000
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING, logger="unmask"):
        seen = times_of(path)
    assert seen[0] == 0.0
    assert seen[-1] == pytest.approx(3.8, abs=0.25)
    assert "damaged" in caplog.text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.mp4", "ffconcat version 1.0\nfile other.mp4\n"),
        ("list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nother.mp4\n#EXT-X-ENDLIST\n"),
        ("letter.txt", "a text that ffmpeg would draw as a film of letters\n" * 20),
    ],
)
def test_a_text_neither_opens_other_files_nor_becomes_a_film(film, tmp_path, name, text):
    film(tmp_path / "other.mp4")
    (tmp_path / name).write_text(text)
    with pytest.raises(MediaError, match="is no readable media file"):
        probe(tmp_path / name)


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "avi", "ts", "flv", "wmv", "mpg", "3gp"])
def test_common_containers_are_read(film, tmp_path, suffix):
    info = probe(film(tmp_path / f"a.{suffix}", sound=False))
    assert (info.width, info.height) == (320, 240)
