"""Films of a flash and a click at one instant, written with given starts, codecs and containers."""

from fractions import Fraction

import numpy as np

from tests.sound_files import Part, clicks, encode

FPS = 25
SIZE = (64, 48)  # width, height


def write_flash_and_click(
    path,
    event_s,
    *,
    seconds=3.0,
    video="libx264",
    audio="aac",
    picture_from_s=0.0,
    sound_from_s=0.0,
    b_frames=0,
    rate_hz=48_000,
    container=None,
    options=None,
):
    """Write a film in which one picture is white and a click sounds from when it is shown.

    `event_s` is a multiple of the duration of a picture, on the clock of the film. Picture and
    sound begin at their own times on this clock.
    """
    import av

    sound = clicks([event_s - sound_from_s], seconds - sound_from_s, rate_hz)
    with av.open(str(path), "w", format=container, options=options or {}) as out:
        images = _add_images(out, video, b_frames) if video else None
        voice = out.add_stream(audio, rate=rate_hz, layout="mono")
        packets = [*_encode_sound(voice, Part(sound_from_s, sound, rate_hz), audio)]
        if images:
            packets += _encode_images(images, event_s, picture_from_s, seconds)
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            out.mux(packet)
    return path


def remux(source, target, from_s):
    """Copy a film without encoding, its time 0 at `from_s`, from the key frame before it."""
    import av

    options = {"avoid_negative_ts": "disabled"} if target.suffix == ".mp4" else {}
    with av.open(str(source)) as film, av.open(str(target), "w", options=options) as out:
        copies = {stream.index: out.add_stream_from_template(stream) for stream in film.streams}
        film.seek(round(from_s * 1e6), backward=True)
        for packet in film.demux():
            if packet.dts is None:
                continue
            shift = round(from_s / packet.time_base)
            packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
            packet.stream = copies[packet.stream.index]
            out.mux(packet)


def read_boxes(path):
    """Kind and bytes of every box of an MP4 file, in order."""
    content, boxes, start = path.read_bytes(), [], 0
    while start < len(content):
        size = int.from_bytes(content[start : start + 4], "big")
        boxes.append((content[start + 4 : start + 8], content[start : start + size]))
        start += size
    return boxes


def _add_images(out, video, b_frames):
    stream = out.add_stream(video, rate=FPS)
    stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
    if video == "libx264":
        stream.options = {"preset": "ultrafast", "bf": str(b_frames), "g": "25", "b-adapt": "0"}
    return stream


def _encode_images(stream, event_s, start_s, seconds):
    import av

    white = np.full((*SIZE[::-1], 3), 255, np.uint8)
    for index in range(round(start_s * FPS), round(seconds * FPS)):
        image = white if index == round(event_s * FPS) else np.zeros_like(white)
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        frame.pts, frame.time_base = index, Fraction(1, FPS)
        yield from stream.encode(frame)
    yield from stream.encode(None)


def _encode_sound(stream, part, codec):
    for packet, time_s in encode(part, codec):
        packet.time_base = Fraction(1, part.rate_hz)
        packet.pts = packet.dts = round(time_s * part.rate_hz)
        packet.stream = stream
        yield packet
