"""Small clips of any container and codec, of which every picture and sound is known."""

from fractions import Fraction

import numpy as np
import pytest

FPS = 25
SOUND_HZ = 48_000
SIZE = (64, 48)


@pytest.fixture(scope="session")
def write_clip():
    """Write a grey clip that flashes and beeps at once, as ``flashes_s`` says.

    Picture n has the grey level 30 + n modulo 100, and 255 where it flashes; a flash and its beep
    last 0.2 s. The codec may have B-frames and few key frames, as its ``options`` say.
    """
    av = pytest.importorskip("av")

    def write(
        path,
        seconds=4.0,
        *,
        codec="libx264",
        sound="aac",
        flashes_s=(),
        format=None,
        options=None,
        container_options=None,
    ):
        is_flash = np.zeros(round(seconds * FPS), bool)
        beep = np.zeros(round(seconds * SOUND_HZ), np.float32)
        for flash_s in flashes_s:
            is_flash[round(flash_s * FPS) : round((flash_s + 0.2) * FPS)] = True
            tone = 0.8 * np.sin(np.arange(round(0.2 * SOUND_HZ)) * 2 * np.pi * 1000 / SOUND_HZ)
            start = round(flash_s * SOUND_HZ)
            beep[start : start + len(tone)] = tone
        with av.open(str(path), "w", format=format, options=container_options or {}) as out:
            video = out.add_stream(codec, rate=FPS, options=options or _options(codec))
            video.width, video.height = SIZE
            video.pix_fmt = "yuv420p"
            voice = out.add_stream(sound, rate=SOUND_HZ, layout="mono") if sound else None
            packets = [*_encode_pictures(av, video, is_flash)]
            packets += _encode_sound(av, voice, beep) if voice else []
            packets.sort(key=_order_s)
            for packet in packets:
                out.mux(packet)
        return path

    return write


def _order_s(packet):
    return float((packet.pts if packet.dts is None else packet.dts) * packet.time_base)


def _options(codec):
    if codec == "libx264":
        return {"preset": "veryfast", "g": "250", "bf": "2", "sc_threshold": "0"}
    if codec in ("mpeg4", "mpeg2video"):
        return {"g": "12", "bf": "2"}
    return {"g": "250", "deadline": "realtime", "cpu-used": "8"} if "vp" in codec else {}


def _encode_pictures(av, stream, is_flash):
    for number, flashes in enumerate(is_flash):
        grey = np.full((SIZE[1], SIZE[0]), 255 if flashes else 30 + number % 100, np.uint8)
        frame = av.VideoFrame.from_ndarray(grey, format="gray").reformat(format="yuv420p")
        frame.pts, frame.time_base = number, Fraction(1, FPS)
        yield from stream.encode(frame)
    yield from stream.encode(None)


def _encode_sound(av, stream, samples):
    name = stream.codec_context.format.name
    is_integer = name.startswith("s16")
    values = np.rint(samples * 32767).astype(np.int16) if is_integer else samples
    frame = av.AudioFrame.from_ndarray(values[None], name, "mono")
    frame.sample_rate, frame.pts, frame.time_base = SOUND_HZ, 0, Fraction(1, SOUND_HZ)
    return [*stream.encode(frame), *stream.encode(None)]


@pytest.fixture(scope="session")
def copy_packets():
    """Copy a file, its packets in the same order, with the times that ``change`` gives them.

    ``change`` gets the kind of the stream and the decoding time in seconds, and returns the
    seconds to add, or ``None`` to leave the packet out.
    """
    av = pytest.importorskip("av")

    def copy(source, target, change, format=None):
        with av.open(str(source)) as reader, av.open(str(target), "w", format=format) as out:
            copies = {s.index: out.add_stream_from_template(s) for s in reader.streams}
            for packet in reader.demux():
                if not packet.size:
                    continue
                time_s = float(
                    (packet.pts if packet.dts is None else packet.dts) * packet.time_base
                )
                added_s = change(packet.stream.type, time_s)
                if added_s is None:
                    continue
                shift = round(added_s / packet.time_base)
                packet.pts += shift
                packet.dts = None if packet.dts is None else packet.dts + shift
                packet.stream = copies[packet.stream.index]
                out.mux(packet)
        return target

    return copy
