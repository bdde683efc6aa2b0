"""Intact media files that are hard to play: holes, changes of format, clocks that start again."""

import av
import numpy as np

from tests.sound_files import Part, tone, write_sound

FPS = 25


def irregular_files(folder, make_video):
    """Write one file of each kind and return the contents, in a fixed order."""
    folder.mkdir(parents=True, exist_ok=True)
    regular = [
        make_video(folder / f"regular.{suffix}", size=(128, 96), seconds=0.4)
        for suffix in ("mp4", "mkv", "mov", "ts")
    ]
    others = [
        sound_with_holes(folder / "holes.mka"),
        sound_that_changes(folder / "changes.aac"),
        joined_clocks(folder / "joined.ts", regular[3]),
        fragmented(folder / "fragments.mp4"),
    ]
    return [path.read_bytes() for path in (*regular, *others)]


def sound_with_holes(path):
    """Sound of which every other tenth of a second was lost."""
    parts = [Part(0.0, tone(440, 1.0)[None])]
    return write_sound(path, parts, "aac", keep=lambda time_s: int(time_s * 10) % 2 == 0)


def sound_that_changes(path):
    """Mono at 44.1 kHz, then stereo at 48 kHz, in one stream."""
    first, second = path.with_suffix(".1.aac"), path.with_suffix(".2.aac")
    mono, stereo = tone(440, 0.4, rate_hz=44_100)[None], np.stack([tone(440, 0.4)] * 2)
    write_sound(first, [Part(0.0, mono, 44_100)], "aac", container="adts")
    write_sound(second, [Part(0.0, stereo)], "aac", container="adts")
    path.write_bytes(first.read_bytes() + second.read_bytes())
    return path


def joined_clocks(path, recording):
    """The same recording twice, so that its clock starts again."""
    path.write_bytes(recording.read_bytes() * 2)
    return path


def fragmented(path):
    """Film in fragments of four pictures each, as recorders and streams write it."""
    options = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
    with av.open(str(path), "w", options=options) as out:
        stream = out.add_stream("libx264", rate=FPS, options={"g": "4"})
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        for number in range(12):
            image = np.full((96, 128, 3), 16 * number, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        out.mux(stream.encode(None))
    return path
