from fractions import Fraction

import av
import numpy as np
import pytest

from unmask.config.codec_conditions import parse_condition
from unmask.errors import MediaError
from unmask.preprocessing.cache import Cache
from unmask.preprocessing.media.decode import iter_sampled_frames, probe, read_waveform
from unmask.preprocessing.transcode import transcode

PICTURES = pytest.mark.parametrize(
    ("name", "codec"),
    [("h264:23", "h264"), ("h265:28", "hevc"), ("vp9:35", "vp9"), ("av1:35", "libdav1d")],
)


@pytest.fixture(scope="module")
def source(tmp_path_factory, film):
    return film(tmp_path_factory.mktemp("media") / "a.mp4", seconds=1.0)


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache")


def shown(path):
    return list(iter_sampled_frames(path, rate_hz=100.0))


def psnr_db(one, other):
    return 10 * np.log10(255**2 / np.mean((one.astype(np.float64) - other) ** 2))


@PICTURES
def test_pictures_are_of_that_codec_and_keep_their_times_colours_and_sound(
    source, cache, name, codec
):
    made = transcode(source, parse_condition(name), cache)
    info = probe(made.path)
    assert (info.video_codec, info.width, info.height) == (codec, 320, 240)
    old, new = shown(source), shown(made.path)
    assert len(old) == len(new) == 25
    assert np.allclose([t for t, _ in old], [t for t, _ in new], atol=1e-4)
    likeness = [psnr_db(a, b) for (_, a), (_, b) in zip(old, new, strict=True)]
    assert min(likeness) > 25
    for (_, before), (_, after) in zip(old, new, strict=True):
        assert np.abs(before.mean((0, 1)) - after.mean((0, 1))).max() < 2
    assert np.array_equal(read_waveform(made.path).samples, read_waveform(source).samples)
    assert 30 < made.psnr_db < 60


def test_a_worse_quality_is_less_alike_and_takes_fewer_bytes(source, cache):
    fine, rough = (transcode(source, parse_condition(f"h264:{crf}"), cache) for crf in (18, 40))
    assert rough.psnr_db < fine.psnr_db - 8
    assert rough.path.stat().st_size < fine.path.stat().st_size


def test_half_the_size_is_half_the_size(source, cache):
    info = probe(transcode(source, parse_condition("half"), cache).path)
    assert (info.width, info.height) == (160, 120)


@pytest.mark.parametrize(("name", "codec"), [("aac:24", "aac"), ("opus:16", "opus")])
def test_sound_is_of_that_codec_and_not_shifted(source, cache, name, codec):
    made = transcode(source, parse_condition(name), cache)
    info = probe(made.path)
    assert info.audio_codec == codec
    assert not info.has_video
    assert made.psnr_db is None
    old, new = read_waveform(source).samples, read_waveform(made.path).samples
    length = min(len(old), len(new))
    assert abs(len(old) - len(new)) <= 2048
    shifts = range(-60, 61)
    likeness = [np.dot(np.roll(new[:length], shift), old[:length]) for shift in shifts]
    assert abs(shifts[int(np.argmax(likeness))]) <= 2


def test_nothing_is_encoded_twice_and_what_is_lost_is_made_again(source, cache):
    made = transcode(source, parse_condition("h264:30"), cache)
    stamp, size = made.path.stat().st_mtime_ns, made.path.stat().st_size
    assert transcode(source, parse_condition("h264:30"), cache) == made
    assert made.path.stat().st_mtime_ns == stamp
    made.path.unlink()
    assert transcode(source, parse_condition("h264:30"), cache).path == made.path
    assert made.path.stat().st_size == pytest.approx(size, rel=0.02)
    assert not list(cache.root.rglob("*.part"))


def test_a_cell_that_has_nothing_to_change_makes_no_file(tmp_path, film, cache):
    silent = film(tmp_path / "silent.mp4", sound=False, seconds=0.4)
    assert transcode(silent, parse_condition("aac:24"), cache) is None
    assert transcode(silent, parse_condition("aac:24"), cache) is None  # nor when it is known
    assert read_waveform(transcode(silent, parse_condition("h264:23"), cache).path) is None
    faceless = film(tmp_path / "sound.m4a", times=[], seconds=0.4)
    assert transcode(faceless, parse_condition("h264:23"), cache) is None


def test_a_turned_film_is_encoded_upright(tmp_path, film, cache):
    turned = film(tmp_path / "t.mp4", seconds=0.4, turned=True)
    made = transcode(turned, parse_condition("h264:15"), cache)
    info = probe(made.path)
    assert info.rotation_deg == 0
    before, after = shown(turned)[3][1], shown(made.path)[3][1]
    assert before.shape == after.shape
    assert psnr_db(before, after) > 30


def test_odd_sides_lose_a_line_and_a_late_picture_stays_late(tmp_path, cache, portrait):
    """A film whose picture comes after its sound, in the colour space of HDTV."""
    odd = tmp_path / "odd.webm"
    with av.open(str(odd), "w") as out:
        stream = out.add_stream("libvpx-vp9", rate=20, options={"crf": "10", "b:v": "0"})
        stream.width, stream.height, stream.pix_fmt = 161, 121, "yuv420p"
        stream.codec_context.colorspace = stream.codec_context.color_primaries = 1  # BT.709
        sound = out.add_stream("libopus", rate=48_000, layout="mono")
        block = av.AudioFrame.from_ndarray(np.zeros((1, 48_000), np.int16), layout="mono")
        block.sample_rate, block.pts = 48_000, 0
        out.mux(sound.encode(block))
        for number in range(12):
            face = np.ascontiguousarray(portrait[40:161, 60 + number : 221 + number])
            frame = av.VideoFrame.from_ndarray(face, format="rgb24").reformat(
                format="yuv420p", dst_colorspace="ITU709"
            )
            frame.pts, frame.time_base = 240 + 50 * number, Fraction(1, 1000)
            out.mux(stream.encode(frame))
        out.mux([*stream.encode(None), *sound.encode(None)])
    made = transcode(odd, parse_condition("h264:15"), cache)
    old, new = shown(odd), shown(made.path)
    assert old[0][0] > 0.2
    assert np.allclose([t for t, _ in old], [t for t, _ in new], atol=1e-3)
    assert new[0][1].shape == (120, 160, 3)
    for (_, before), (_, after) in zip(old, new, strict=True):
        assert np.abs(before.mean((0, 1)) - after.mean((0, 1))).max() < 2


def test_a_file_that_is_no_film_is_told(tmp_path, cache):
    text = tmp_path / "a.mp4"
    text.write_text("no film")
    with pytest.raises(MediaError, match=r"a\.mp4"):
        transcode(text, parse_condition("h264:23"), cache)
    assert not list(cache.root.rglob("*.part"))
