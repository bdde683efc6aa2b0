"""Decoding of audio to a 16 kHz mono waveform."""

import numpy as np
import pytest

from unmask.preprocessing.media.audio import read_waveform
from unmask.preprocessing.media.frames import iter_sampled_frames
from unmask.preprocessing.media.probe import probe


def test_file_without_audio_has_no_waveform(make_video, tmp_path):
    path = make_video(tmp_path / "a.mp4", audio=False)
    assert not probe(path).has_audio
    assert read_waveform(path) is None


@pytest.mark.parametrize(
    ("unknown", "expected"), [("video", (False, True)), ("audio", (True, False))]
)
def test_stream_of_an_unknown_codec_counts_as_absent(
    make_video_of_unknown_codec, tmp_path, unknown, expected
):
    path = make_video_of_unknown_codec(tmp_path / "a.mkv", unknown)
    info = probe(path)
    assert (info.has_video, info.has_audio) == expected
    assert (
        len(list(iter_sampled_frames(path, 5.0))) > 0,
        read_waveform(path) is not None,
    ) == expected


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
