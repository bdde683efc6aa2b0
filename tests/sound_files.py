"""Sound files that are written packet by packet, to a plan that says what must be heard when."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

CLICK_S = 0.01  # a click is a burst of this length at 1 kHz


@dataclass(frozen=True)
class Part:
    """A part of a sound track, encoded on its own.

    `start_s` is the time of the first sample of `samples`, shape (channels, time).
    """

    start_s: float
    samples: np.ndarray
    rate_hz: int = 48_000
    layout: str | None = None

    @property
    def layout_name(self):
        return self.layout or {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}[len(self.samples)]


def clicks(times_s, seconds, rate_hz=48_000, channels=1):
    """Silence with clicks that start at the given times, shape (channels, time)."""
    samples = np.zeros((channels, round(seconds * rate_hz)), np.float32)
    burst = 0.8 * np.cos(2 * np.pi * 1000 * np.arange(round(CLICK_S * rate_hz)) / rate_hz)
    for time_s in times_s:
        start = round(time_s * rate_hz)
        length = min(len(burst), samples.shape[1] - start)
        samples[:, start : start + length] = burst[:length]
    return samples


def tone(hz, seconds, rate_hz=48_000, level=0.5):
    """A sine, shape (time,)."""
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    return (level * np.sin(2 * np.pi * hz * time_s)).astype(np.float32)


def click_times(samples, rate_hz=16_000, threshold=0.25):
    """Times at which clicks start, from a waveform of shape (time,)."""
    loud = np.flatnonzero(np.abs(samples) > threshold)
    starts = loud[np.diff(loud, prepend=-rate_hz) > 0.1 * rate_hz]
    return (starts / rate_hz).tolist()


def encode(part, codec):
    """Encode a part with an encoder of its own; yields packets and their times in seconds."""
    import av

    context = av.CodecContext.create(codec, "w")
    context.sample_rate, context.layout = part.rate_hz, part.layout_name
    context.format = context.codec.audio_formats[0].name
    context.time_base = Fraction(1, part.rate_hz)
    context.open()
    packed = np.ascontiguousarray(part.samples.T).reshape(1, -1).astype(np.float32)
    whole = av.AudioFrame.from_ndarray(packed, "flt", part.layout_name)
    whole.sample_rate, whole.pts = part.rate_hz, 0
    converter = av.AudioResampler(
        format=context.format.name,
        layout=part.layout_name,
        rate=part.rate_hz,
        frame_size=context.frame_size or 1024,
    )
    frames = [*converter.resample(whole), *converter.resample(None), None]
    for frame in frames:
        for packet in context.encode(frame):
            yield packet, part.start_s + float(packet.pts * packet.time_base)


def write_sound(path, parts, codec, keep=lambda time_s: True, container=None, overlapping=False):
    """Write parts as one track, at the times that they state.

    `keep` says, by time, which packets are written. A change of the format between parts is
    written as it is; the codec must tell it in the packets. `overlapping` lets times go back,
    in containers that store no decoding times, such as Matroska.
    """
    import av

    options = {"avoid_negative_ts": "disabled"} if overlapping else {}
    written = 0
    with av.open(str(path), "w", format=container, options=options) as out:
        stream = out.add_stream(codec, rate=parts[0].rate_hz, layout=parts[0].layout_name)
        for part in parts:
            for packet, time_s in encode(part, codec):
                if not keep(time_s):
                    continue
                packet.stream = stream
                packet.pts = packet.dts = round(time_s * part.rate_hz)
                packet.time_base = Fraction(1, part.rate_hz)
                if overlapping:
                    packet.dts, written = -(10**7) + 48 * written, written + 1
                out.mux(packet)
    return path


def write_tracks(path, parts, codec, *, defaults=(), languages=(), video=False, container=None):
    """Write parts as sound tracks side by side, after a black picture track if `video`.

    `defaults` are the places of the tracks that are marked as default.
    """
    import av
    from av.stream import Disposition

    with av.open(str(path), "w", format=container, options={"default_mode": "passthrough"}) as out:
        picture = _add_black_pictures(out) if video else None
        streams = [out.add_stream(codec, rate=p.rate_hz, layout=p.layout_name) for p in parts]
        for place, stream in enumerate(streams):
            stream.disposition = Disposition.default if place in defaults else Disposition(0)
        for stream, language in zip(streams, languages, strict=False):
            stream.metadata.update({"language": language} if language else {})
        packets = []
        for part, stream in zip(parts, streams, strict=True):
            for packet, time_s in encode(part, codec):
                packet.stream, packet.time_base = stream, Fraction(1, part.rate_hz)
                packet.pts = packet.dts = round(time_s * part.rate_hz)
                packets.append(packet)
        if picture:
            packets += _encode_black_pictures(picture, parts[0].samples.shape[1] / parts[0].rate_hz)
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            out.mux(packet)
    return path


def _add_black_pictures(out):
    stream = out.add_stream("libx264", rate=25, options={"preset": "ultrafast", "bf": "0"})
    stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
    return stream


def _encode_black_pictures(stream, seconds):
    import av

    for index in range(round(seconds * 25)):
        frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
        frame.pts, frame.time_base = index, Fraction(1, 25)
        yield from stream.encode(frame)
    yield from stream.encode(None)
