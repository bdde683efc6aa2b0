"""Sound stands at its own timestamps, in every format that its track changes to."""

import numpy as np
import pytest

from tests.sound_files import Part, click_times, clicks, tone, write_sound
from unmask.errors import MediaError
from unmask.preprocessing.media import audio_runs, track_waveform
from unmask.preprocessing.media.audio import read_waveform
from unmask.preprocessing.media.container import open_container, start_time_s

CONTAINERS = [
    ("a.mp4", "aac", None),
    ("a.mp4", "libmp3lame", None),
    ("a.mkv", "pcm_s16le", None),
    ("a.mkv", "aac", None),
    ("a.webm", "libopus", None),
    ("a.ts", "mp2", "mpegts"),
    ("a.ts", "aac", "mpegts"),
    ("a.mpg", "mp2", "mpeg"),
    ("a.flv", "aac", None),
    ("a.wmv", "mp2", "asf"),
]
CLICKS_S = [0.3, 1.5, 2.5]
PRIMING_S = 0.03  # containers without edit lists let the sound start with the encoder's silence


@pytest.mark.parametrize(("name", "codec", "container"), CONTAINERS)
def test_holes_are_silence_and_are_counted(tmp_path, name, codec, container):
    path = write_sound(
        tmp_path / name,
        [Part(0.0, clicks(CLICKS_S, 3.0))],
        codec,
        keep=lambda time_s: not 0.6 <= time_s < 1.2,
        container=container,
    )
    waveform = read_waveform(path)
    times_s = np.array(click_times(waveform.samples))
    assert times_s[0] == pytest.approx(CLICKS_S[0], abs=PRIMING_S)
    assert times_s - times_s[0] == pytest.approx(np.array(CLICKS_S) - CLICKS_S[0], abs=0.002)
    assert waveform.missing_s == pytest.approx(0.6, abs=0.03)
    ((start_s, end_s),) = waveform.missing_spans_s
    assert (start_s, end_s) == pytest.approx((0.6, 1.2), abs=0.06)
    hole = waveform.samples[round((start_s + 0.01) * 16_000) : round((end_s - 0.01) * 16_000)]
    assert not hole.any()


def test_many_short_holes_do_not_add_up(tmp_path):
    times_s = np.arange(0.05, 9.0, 0.5)
    lost = []

    def keep(time_s):
        if (time_s + 0.25) % 0.5 > 0.03:
            return True
        return lost.append(time_s)

    path = write_sound(
        tmp_path / "a.mkv", [Part(0.0, clicks(times_s, 9.0))], "pcm_s16le", keep=keep
    )
    waveform = read_waveform(path)
    assert click_times(waveform.samples) == pytest.approx(times_s.tolist(), abs=0.001)
    assert len(waveform.missing_spans_s) == 18
    assert waveform.missing_s == pytest.approx(len(lost) * 1024 / 48_000, abs=0.01)


def test_sound_that_overlaps_does_not_push_the_rest(tmp_path):
    first, second = Part(0.0, clicks([0.2, 0.9], 1.2)), Part(1.0, clicks([0.5, 1.5], 2.0))
    path = write_sound(tmp_path / "a.mkv", [first, second], "pcm_s16le", overlapping=True)
    waveform = read_waveform(path)
    assert click_times(waveform.samples) == pytest.approx([0.2, 0.9, 1.5, 2.5], abs=0.001)
    assert waveform.missing_s == 0.0


def test_jitter_of_timestamps_leaves_continuous_sound_untouched(tmp_path, rng):
    part = Part(0.0, tone(440, 3.0)[None])
    steady = write_sound(tmp_path / "a.mkv", [part], "pcm_s16le")
    shifts_s = iter(np.append(0.0, rng.uniform(-0.009, 0.009, 200)))
    av = pytest.importorskip("av")
    with av.open(str(steady)) as source, av.open(str(tmp_path / "b.mkv"), "w") as out:
        stream = out.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux():
            if packet.pts is not None:
                packet.pts += round(next(shifts_s) / packet.time_base)
                packet.dts, packet.stream = packet.pts, stream
                out.mux(packet)
    expected, jittered = read_waveform(steady), read_waveform(tmp_path / "b.mkv")
    assert np.array_equal(jittered.samples, expected.samples)
    assert jittered.missing_s == 0.0


@pytest.mark.parametrize("step_s", [-0.016, -0.012, 0.012, 0.016])
def test_step_of_the_timestamps_that_lasts_moves_the_sound(tmp_path, step_s):
    parts = [Part(0.0, clicks([0.5], 1.024)), Part(1.024 + step_s, clicks([0.2, 1.5], 2.0))]
    path = write_sound(tmp_path / "a.mkv", parts, "pcm_s16le", overlapping=True)
    waveform = read_waveform(path)
    assert click_times(waveform.samples) == pytest.approx([0.5, 1.224, 2.524 + step_s], abs=0.001)
    assert waveform.missing_s == 0.0


@pytest.mark.parametrize("step_s", [-0.010, 0.010])
def test_step_of_ten_milliseconds_moves_the_sound(tmp_path, step_s):
    """Packets of 64 ms, whose times Matroska states exactly."""
    parts = [
        Part(0.0, clicks([0.5], 1.024, 16_000), 16_000),
        Part(1.024 + step_s, clicks([0.2, 1.5], 2.0, 16_000), 16_000),
    ]
    path = write_sound(tmp_path / "a.mkv", parts, "pcm_s16le", overlapping=True)
    times_s = click_times(read_waveform(path).samples)
    assert times_s == pytest.approx([0.5, 1.224, 2.524 + step_s], abs=0.001)


def test_sound_without_timestamps_is_continuous(tmp_path, monkeypatch):
    path = write_sound(tmp_path / "a.mkv", [Part(0.0, clicks(CLICKS_S, 3.0))], "pcm_s16le")

    def decode_without_times(*arguments):
        for frame in decode(*arguments):
            frame.pts = None
            yield frame

    decode = track_waveform.decode_stream
    monkeypatch.setattr(track_waveform, "decode_stream", decode_without_times)
    assert click_times(read_waveform(path).samples) == pytest.approx(CLICKS_S, abs=0.001)


@pytest.mark.parametrize(
    ("name", "codec", "container"),
    [("a.ts", "mp2", "mpegts"), ("a.mkv", "mp2", None), ("a.ts", "ac3", "mpegts")],
)
def test_all_of_a_track_that_changes_its_format_is_heard(tmp_path, name, codec, container):
    layouts = [(1, 48_000), (2, 48_000), (2, 44_100), (1, 48_000)]
    parts = [
        Part(index * 1.0, np.repeat(tone(hz, 1.0, rate_hz)[None], channels, 0), rate_hz)
        for index, (hz, (channels, rate_hz)) in enumerate(
            zip((400, 800, 1200, 1600), layouts, strict=True)
        )
    ]
    path = write_sound(tmp_path / name, parts, codec, container=container)
    samples = read_waveform(path).samples
    assert len(samples) / 16_000 == pytest.approx(4.0, abs=0.05)
    for index, hz in enumerate((400, 800, 1200, 1600)):
        middle = samples[index * 16_000 + 4000 : index * 16_000 + 12_000]
        assert np.argmax(np.abs(np.fft.rfft(middle))) * 2 == hz
        assert np.sqrt(2) * middle.std() == pytest.approx(0.5, rel=0.03)


def test_raw_aac_that_changes_from_stereo_to_surround_is_heard(tmp_path):
    dialogue = np.zeros((6, 48_000), np.float32)
    dialogue[2] = tone(800, 1.0)
    pieces = [np.repeat(tone(400, 1.0)[None], 2, 0), dialogue]
    for index, samples in enumerate(pieces):
        write_sound(tmp_path / f"{index}.aac", [Part(0.0, samples)], "aac", container="adts")
    path = tmp_path / "a.aac"
    path.write_bytes(b"".join((tmp_path / f"{index}.aac").read_bytes() for index in range(2)))
    samples = read_waveform(path).samples
    assert len(samples) / 16_000 == pytest.approx(2.0, abs=0.1)
    for start, hz in ((4000, 400), (22_000, 800)):
        middle = samples[start : start + 8000]
        assert np.argmax(np.abs(np.fft.rfft(middle))) * 2 == hz
        assert np.sqrt(2) * middle.std() == pytest.approx(0.5, rel=0.03)


@pytest.mark.parametrize("channels", [3, 6, 8, 9, 16, 64])
def test_any_number_of_channels_decodes(tmp_path, channels):
    samples = np.zeros((channels, 48_000), np.float32)
    samples[min(2, channels - 1)] = tone(1000, 1.0)
    path = write_sound(tmp_path / "a.mkv", [Part(0.0, samples, layout=f"{channels}C")], "pcm_s16le")
    decoded = read_waveform(path).samples
    assert len(decoded) == 16_000
    assert np.sqrt(2) * decoded[1000:-1000].std() == pytest.approx(0.5, rel=0.01)


def test_more_channels_than_any_recording_has_are_refused(tmp_path, monkeypatch):
    path = write_sound(
        tmp_path / "a.mkv", [Part(0.0, np.zeros((5, 480)), layout="5C")], "pcm_s16le"
    )
    monkeypatch.setattr(audio_runs, "MAX_CHANNELS", 4)
    with pytest.raises(MediaError, match=r"sound with 5 channels; the limit is 4, export"):
        read_waveform(path)


def test_sound_that_cannot_be_converted_is_an_error_of_the_file(tmp_path, monkeypatch):
    av = pytest.importorskip("av")
    path = write_sound(tmp_path / "a.mkv", [Part(0.0, clicks([0.1], 0.5))], "pcm_s16le")

    class Refusing:
        def __init__(self, **_options):
            pass

        def resample(self, _frame):
            raise ValueError("no such format")

    monkeypatch.setattr(av, "AudioResampler", Refusing)
    with pytest.raises(MediaError, match=r"sound cannot be converted \(no such format\); use"):
        read_waveform(path)


def test_timestamp_of_another_day_is_a_jump_of_the_clock(tmp_path):
    parts = [Part(0.0, clicks([0.1], 0.5)), Part(13 * 3600.0, clicks([0.1], 0.5))]
    path = write_sound(tmp_path / "a.mkv", parts, "pcm_s16le")
    assert click_times(read_waveform(path).samples) == pytest.approx([0.1, 0.6], abs=0.03)


@pytest.mark.parametrize("samples", [1, 40])
def test_a_run_too_short_to_resample_is_silence(tmp_path, samples):
    short = np.full((1, samples), 0.5, np.float32)
    parts = [Part(0.0, clicks([0.2], 0.64)), Part(1.0, short), Part(2.0, clicks([0.2], 0.64))]
    path = write_sound(tmp_path / "a.mkv", parts, "pcm_s16le")
    assert click_times(read_waveform(path).samples) == pytest.approx([0.2, 2.2], abs=0.001)
    alone = write_sound(tmp_path / "b.mkv", [Part(0.0, short)], "pcm_s16le")
    assert read_waveform(alone) is None


def test_sound_beyond_the_longest_duration_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(track_waveform, "MAX_DURATION_S", 40.0)
    parts = [Part(0.0, clicks([0.1], 0.5)), Part(45.0, clicks([0.1], 0.5))]
    path = write_sound(tmp_path / "a.mkv", parts, "pcm_s16le")
    with pytest.raises(MediaError, match=r"has sound at 4[56] s; the limit is 40 s"):
        read_waveform(path)


def test_sound_before_the_start_of_the_container_is_left_out(tmp_path):
    path = write_sound(
        tmp_path / "a.ts", [Part(5.0, clicks([0.2], 1.0))], "mp2", container="mpegts"
    )
    with open_container(path) as container:
        assert start_time_s(container) > 1.0  # times count from it
    assert click_times(read_waveform(path).samples) == pytest.approx([0.2], abs=PRIMING_S)
