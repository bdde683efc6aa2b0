import numpy as np
import pytest

from unmask.data.encode import encode
from unmask.preprocessing.media.decode import iter_sampled_frames, probe, read_waveform
from unmask.records import RATE_HZ


@pytest.fixture
def pictures(rng):
    base = np.zeros((96, 128, 3), np.uint8)
    base[:, :, 0] = np.linspace(0, 255, 128)
    return [np.roll(base, 3 * step, axis=1) for step in range(25)]


@pytest.fixture
def tone():
    return (0.3 * np.sin(2 * np.pi * 440 * np.arange(RATE_HZ) / RATE_HZ)).astype(np.float32)


def test_what_was_written_is_what_is_read(tmp_path, pictures, tone):
    encode(tmp_path / "a.mp4", pictures, tone)
    info = probe(tmp_path / "a.mp4")
    assert (info.video_codec, info.audio_codec) == ("h264", "aac")
    assert (info.width, info.height, info.fps) == (128, 96, 25.0)
    read = [picture for _, picture in iter_sampled_frames(tmp_path / "a.mp4", 25.0)]
    assert len(read) == len(pictures)
    assert np.abs(read[10].astype(int) - pictures[10]).mean() < 6


def test_the_sound_comes_back_at_its_pitch_and_loudness(tmp_path, pictures, tone):
    encode(tmp_path / "a.mp4", pictures, tone)
    heard = read_waveform(tmp_path / "a.mp4").samples[2000:-2000]
    spectrum = np.abs(np.fft.rfft(heard))
    assert spectrum.argmax() * RATE_HZ / len(heard) == pytest.approx(440, abs=2)
    assert np.sqrt(np.mean(heard**2)) == pytest.approx(0.3 / np.sqrt(2), rel=0.05)


def test_the_same_input_gives_the_same_bytes(tmp_path, pictures, tone):
    for name in ("a.mp4", "b.mp4"):
        encode(tmp_path / name, pictures, tone)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_a_clip_without_sound_has_no_sound_stream(tmp_path, pictures):
    encode(tmp_path / "a.mp4", pictures, None)
    assert not probe(tmp_path / "a.mp4").has_audio


def test_an_encode_that_fails_leaves_no_file_that_looks_done(tmp_path, pictures):
    def broken():
        yield pictures[0]
        raise RuntimeError("camera fell")

    with pytest.raises(RuntimeError, match="camera fell"):
        encode(tmp_path / "a.mp4", broken(), None)
    assert not (tmp_path / "a.mp4").exists()
