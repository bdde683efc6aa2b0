"""Transcoding under codec conditions."""

from fractions import Fraction

import av
import numpy as np
import pytest

from tests.orientations import (
    CODECS,
    DIHEDRAL,
    EVERY_ORIENTATION,
    difference,
    quadrants,
    stored_as,
    write_video,
)
from unmask.config.codec_conditions import parse_condition
from unmask.errors import MediaError
from unmask.preprocessing.cache import Cache
from unmask.preprocessing.media.audio import read_waveform
from unmask.preprocessing.media.frames import iter_sampled_frames
from unmask.preprocessing.media.probe import probe
from unmask.preprocessing.transcode import transcode

VIDEO_CONDITIONS = pytest.mark.parametrize(
    ("name", "codec"),
    [("h264:23", "h264"), ("h265:28", "hevc"), ("vp9:35", "vp9"), ("av1:35", "libdav1d")],
)


@pytest.fixture(scope="module")
def source(tmp_path_factory, make_video):
    return make_video(tmp_path_factory.mktemp("media") / "a.mp4", seconds=1.0)


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache")


def frames_of(path):
    return list(iter_sampled_frames(path, rate_hz=100.0))


def psnr_db(first, second):
    return 10 * np.log10(255**2 / np.mean((first.astype(np.float64) - second) ** 2))


@VIDEO_CONDITIONS
def test_video_has_the_codec_and_keeps_times_colours_and_audio(source, cache, name, codec):
    transcoded = transcode(source, parse_condition(name), cache)
    info = probe(transcoded.path)
    assert (info.video_codec, info.width, info.height) == (codec, 320, 240)
    before, after = frames_of(source), frames_of(transcoded.path)
    assert len(before) == len(after) == 25
    assert np.allclose([t for t, _ in before], [t for t, _ in after], atol=1e-4)
    similarity = [psnr_db(a, b) for (_, a), (_, b) in zip(before, after, strict=True)]
    assert min(similarity) > 25
    for (_, old), (_, new) in zip(before, after, strict=True):
        assert np.abs(old.mean((0, 1)) - new.mean((0, 1))).max() < 2
    assert np.array_equal(read_waveform(transcoded.path).samples, read_waveform(source).samples)
    assert 30 < transcoded.psnr_db < 60


def test_lower_quality_has_lower_psnr_and_fewer_bytes(source, cache):
    fine, rough = (transcode(source, parse_condition(f"h264:{crf}"), cache) for crf in (18, 40))
    assert rough.psnr_db < fine.psnr_db - 8
    assert rough.path.stat().st_size < fine.path.stat().st_size


def test_half_condition_halves_the_sides(source, cache):
    info = probe(transcode(source, parse_condition("half"), cache).path)
    assert (info.width, info.height) == (160, 120)


@pytest.mark.parametrize(("name", "codec"), [("aac:24", "aac"), ("opus:16", "opus")])
def test_audio_has_the_codec_and_is_not_delayed(source, cache, name, codec):
    transcoded = transcode(source, parse_condition(name), cache)
    info = probe(transcoded.path)
    assert info.audio_codec == codec
    assert not info.has_video
    assert transcoded.psnr_db is None
    before, after = read_waveform(source).samples, read_waveform(transcoded.path).samples
    length = min(len(before), len(after))
    assert abs(len(before) - len(after)) <= 2048
    shifts = range(-60, 61)
    similarity = [np.dot(np.roll(after[:length], shift), before[:length]) for shift in shifts]
    assert abs(shifts[int(np.argmax(similarity))]) <= 2


def test_cached_file_is_reused_and_a_missing_one_is_encoded_again(source, cache):
    transcoded = transcode(source, parse_condition("h264:30"), cache)
    stamp, size = transcoded.path.stat().st_mtime_ns, transcoded.path.stat().st_size
    assert transcode(source, parse_condition("h264:30"), cache) == transcoded
    assert transcoded.path.stat().st_mtime_ns == stamp
    transcoded.path.unlink()
    assert transcode(source, parse_condition("h264:30"), cache).path == transcoded.path
    assert transcoded.path.stat().st_size == pytest.approx(size, rel=0.02)
    assert not list(cache.root.rglob("*.part"))


def test_condition_without_a_matching_stream_has_no_result(tmp_path, make_video, cache):
    silent = make_video(tmp_path / "silent.mp4", audio=False, seconds=0.4)
    assert transcode(silent, parse_condition("aac:24"), cache) is None
    assert transcode(silent, parse_condition("aac:24"), cache) is None  # from the cache
    assert read_waveform(transcode(silent, parse_condition("h264:23"), cache).path) is None
    audio_only = make_video(tmp_path / "audio.m4a", times=[], seconds=0.4)
    assert transcode(audio_only, parse_condition("h264:23"), cache) is None


def test_rotated_video_is_encoded_upright(tmp_path, make_video, cache):
    rotated = make_video(tmp_path / "t.mp4", seconds=0.4, rotated=True)
    transcoded = transcode(rotated, parse_condition("h264:15"), cache)
    info = probe(transcoded.path)
    assert info.rotation_deg == 0
    before, after = frames_of(rotated)[3][1], frames_of(transcoded.path)[3][1]
    assert before.shape == after.shape
    assert psnr_db(before, after) > 30


@EVERY_ORIENTATION
@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm", "3gp"])
def test_video_of_any_orientation_is_stored_as_shown(
    tmp_path, cache, suffix, orientation, shown, matrix
):
    stored, codec = quadrants(), CODECS.get(suffix, "libx264")
    path = write_video(tmp_path / f"a.{suffix}", [stored] * 3, matrix, codec=codec)
    transcoded = transcode(path, parse_condition("h264:15"), cache)
    info = probe(transcoded.path)
    assert (info.rotation_deg, info.mirrored) == (0, False), orientation
    image = frames_of(transcoded.path)[1][1]
    assert difference(image, shown(stored)) < 4
    assert transcoded.psnr_db > 30


@pytest.mark.parametrize(
    ("suffix", "orientation"),
    [("mp4", (270, False)), ("mov", (90, False)), ("mkv", (180, False)), ("webm", (270, True))],
)
def test_faces_of_a_turned_video_are_where_its_transcoded_pictures_have_them(
    tmp_path, cache, landmarker, portrait, suffix, orientation
):
    shown = portrait[:224]
    (upright,) = landmarker.detect(shown)
    stored, codec = stored_as(shown, orientation), CODECS.get(suffix, "libx264")
    matrix = DIHEDRAL[orientation][1]
    path = write_video(tmp_path / f"a.{suffix}", [stored] * 3, matrix, codec=codec)
    transcoded = transcode(path, parse_condition("h264:15"), cache)
    for film in (path, transcoded.path):
        (face,) = landmarker.detect(frames_of(film)[1][1])
        assert face.box_px == pytest.approx(upright.box_px, abs=4)


def test_odd_sides_are_cropped_and_a_late_start_is_kept(tmp_path, cache, portrait):
    """A video that starts after its audio, in the colour space of HDTV."""
    odd = tmp_path / "odd.webm"
    with av.open(str(odd), "w") as out:
        stream = out.add_stream("libvpx-vp9", rate=20, options={"crf": "10", "b:v": "0"})
        stream.width, stream.height, stream.pix_fmt = 161, 121, "yuv420p"
        stream.codec_context.colorspace = stream.codec_context.color_primaries = 1  # BT.709
        audio = out.add_stream("libopus", rate=48_000, layout="mono")
        block = av.AudioFrame.from_ndarray(np.zeros((1, 48_000), np.int16), layout="mono")
        block.sample_rate, block.pts = 48_000, 0
        out.mux(audio.encode(block))
        for index in range(12):
            face = np.ascontiguousarray(portrait[40:161, 60 + index : 221 + index])
            frame = av.VideoFrame.from_ndarray(face, format="rgb24").reformat(
                format="yuv420p", dst_colorspace="ITU709"
            )
            frame.pts, frame.time_base = 240 + 50 * index, Fraction(1, 1000)
            out.mux(stream.encode(frame))
        out.mux([*stream.encode(None), *audio.encode(None)])
    transcoded = transcode(odd, parse_condition("h264:15"), cache)
    before, after = frames_of(odd), frames_of(transcoded.path)
    assert before[0][0] > 0.2
    assert np.allclose([t for t, _ in before], [t for t, _ in after], atol=1e-3)
    assert after[0][1].shape == (120, 160, 3)
    for (_, old), (_, new) in zip(before, after, strict=True):
        assert np.abs(old.mean((0, 1)) - new.mean((0, 1))).max() < 2


def test_file_that_is_not_media_is_reported(tmp_path, cache):
    text = tmp_path / "a.mp4"
    text.write_text("not a video")
    with pytest.raises(MediaError, match=r"a\.mp4"):
        transcode(text, parse_condition("h264:23"), cache)
    assert not list(cache.root.rglob("*.part"))


def test_too_small_frames_are_reported(tmp_path, write_frames, cache):
    tiny = write_frames(tmp_path / "a.mkv", [np.zeros((3, 3, 3), np.uint8)] * 2)
    with pytest.raises(MediaError, match="too small to transcode"):
        transcode(tiny, parse_condition("half"), cache)
