"""Encoding of clips, frames and audio."""

from fractions import Fraction

import av
import numpy as np
import pytest

from unmask.errors import ConfigError
from unmask.preprocessing.media.audio import read_waveform
from unmask.preprocessing.media.encode import encode_audio, encode_clip, encode_video
from unmask.preprocessing.media.frames import iter_sampled_frames
from unmask.preprocessing.media.probe import probe
from unmask.records import RATE_HZ


@pytest.fixture
def images():
    base = np.zeros((96, 128, 3), np.uint8)
    base[:, :, 0] = np.linspace(0, 255, 128)
    return [np.roll(base, 3 * step, axis=1) for step in range(25)]


@pytest.fixture
def tone():
    return (0.3 * np.sin(2 * np.pi * 440 * np.arange(RATE_HZ) / RATE_HZ)).astype(np.float32)


def to_frames(images, times_s):
    for image, time_s in zip(images, times_s, strict=True):
        frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="yuv420p")
        frame.pts, frame.time_base = round(time_s * 1000), Fraction(1, 1000)
        yield frame


def test_clip_is_read_as_it_was_written(tmp_path, images, tone):
    encode_clip(tmp_path / "a.mp4", images, tone)
    info = probe(tmp_path / "a.mp4")
    assert (info.video_codec, info.audio_codec) == ("h264", "aac")
    assert (info.width, info.height, info.fps) == (128, 96, 25.0)
    decoded = [image for _, image in iter_sampled_frames(tmp_path / "a.mp4", 25.0)]
    assert len(decoded) == len(images)
    assert np.abs(decoded[10].astype(int) - images[10]).mean() < 6


def test_clip_keeps_pitch_and_loudness_of_its_audio(tmp_path, images, tone):
    encode_clip(tmp_path / "a.mp4", images, tone)
    decoded = read_waveform(tmp_path / "a.mp4").samples[2000:-2000]
    spectrum = np.abs(np.fft.rfft(decoded))
    assert spectrum.argmax() * RATE_HZ / len(decoded) == pytest.approx(440, abs=2)
    assert np.sqrt(np.mean(decoded**2)) == pytest.approx(0.3 / np.sqrt(2), rel=0.05)


def test_clip_interleaves_audio_and_video(tmp_path, images, tone):
    """Players need not seek: packets are stored in the order of their times."""
    encode_clip(tmp_path / "a.mp4", images, tone)
    with av.open(str(tmp_path / "a.mp4")) as container:
        packets = [p for p in container.demux() if p.size]
        positions = {p.pos: float(p.dts * p.time_base) for p in packets}
    times_s = [positions[position] for position in sorted(positions)]
    assert len(times_s) > len(images)
    assert np.diff(times_s).min() > -0.2


def test_equal_clips_have_equal_bytes(tmp_path, images, tone):
    for name in ("a.mp4", "b.mp4"):
        encode_clip(tmp_path / name, images, tone)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_clip_without_samples_has_no_audio_stream(tmp_path, images):
    encode_clip(tmp_path / "a.mp4", images, None)
    assert not probe(tmp_path / "a.mp4").has_audio


def test_failed_clip_leaves_no_file(tmp_path, images):
    def broken():
        yield images[0]
        raise RuntimeError("camera fell")

    with pytest.raises(RuntimeError, match="camera fell"):
        encode_clip(tmp_path / "a.mp4", broken(), None)
    assert list(tmp_path.iterdir()) == []


def test_video_keeps_irregular_timestamps_and_exact_audio(tmp_path, images, tone):
    times_s = [0.0, 0.033, 0.5, 0.54]
    path = tmp_path / "a.mp4"
    encode_video(path, to_frames(images[:4], times_s), "h264", 20, 25.0, tone)
    assert [t for t, _ in iter_sampled_frames(path, 1000.0)] == pytest.approx(times_s, abs=1e-4)
    assert np.array_equal(read_waveform(path).samples, tone)


@pytest.mark.parametrize(
    ("codec", "decoder"),
    [("h264", "h264"), ("h265", "hevc"), ("vp9", "vp9"), ("av1", "libdav1d")],
)
def test_video_codec_is_the_requested_one(tmp_path, images, codec, decoder):
    encode_video(tmp_path / "a.mp4", to_frames(images[:3], [0.0, 0.04, 0.08]), codec, 30, 25.0)
    assert probe(tmp_path / "a.mp4").video_codec == decoder


@pytest.mark.parametrize("codec", ["aac", "opus"])
def test_audio_codec_is_the_requested_one(tmp_path, tone, codec):
    encode_audio(tmp_path / "a.bin", tone, codec, 24)
    info = probe(tmp_path / "a.bin")
    assert (info.has_video, info.audio_codec) == (False, codec)


def test_unknown_codec_is_rejected_with_the_known_ones(tmp_path, images, tone):
    with pytest.raises(ConfigError, match=r"unknown video codec 'theora'; use one of h264"):
        encode_video(tmp_path / "a.mp4", to_frames(images[:1], [0.0]), "theora", 23, 25.0)
    with pytest.raises(ConfigError, match=r"unknown audio codec 'mp3'; use one of aac, opus"):
        encode_audio(tmp_path / "a.mp4", tone, "mp3", 24)
